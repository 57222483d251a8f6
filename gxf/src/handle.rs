//! [`Handle`]: another component, as a parameter names it.
//!
//! Only the component types that the core can make a parameter for exist here; what is done with one is elsewhere.

use std::ffi::CStr;
use std::marker::PhantomData;

use crate::sys::gxf_uid_t;

mod sealed {
    pub trait Sealed {}
}

/// A component type that a parameter can point to. Sealed: each needs a function that the GXF core exports.
pub trait HandleTarget: sealed::Sealed + 'static {
    /// The type's name in GXF.
    const TYPE_NAME: &'static str;
    #[doc(hidden)]
    const C_TYPE_NAME: &'static CStr;
    /// `ParameterStorage::registerParameter<Handle<T>>`. Source: `nm -D libgxf_core.so`, 3.1 to 5.7.
    #[doc(hidden)]
    const REGISTER: &'static CStr;
}

macro_rules! targets {
    ($($name:ident, $gxf:literal, $c_gxf:literal, $register:literal, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[derive(Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            impl HandleTarget for $name {
                const TYPE_NAME: &'static str = $gxf;
                const C_TYPE_NAME: &'static CStr = $c_gxf;
                const REGISTER: &'static CStr = $register;
            }
        )*
    };
}

targets! {
    Receiver, "nvidia::gxf::Receiver", c"nvidia::gxf::Receiver",
    c"_ZN6nvidia3gxf16ParameterStorage17registerParameterINS0_6HandleINS0_8ReceiverEEEEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSE_SE_NS6_ISA_S7_EEj",
    "Marks a handle to an `nvidia::gxf::Receiver`: a queue of messages that arrive.";
    Transmitter, "nvidia::gxf::Transmitter", c"nvidia::gxf::Transmitter",
    c"_ZN6nvidia3gxf16ParameterStorage17registerParameterINS0_6HandleINS0_11TransmitterEEEEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSE_SE_NS6_ISA_S7_EEj",
    "Marks a handle to an `nvidia::gxf::Transmitter`: a queue of messages that leave.";
    Clock, "nvidia::gxf::Clock", c"nvidia::gxf::Clock",
    c"_ZN6nvidia3gxf16ParameterStorage17registerParameterINS0_6HandleINS0_5ClockEEEEENS_8ExpectedIv12gxf_result_tEEPNS0_9ParameterIT_EElPKcSE_SE_NS6_ISA_S7_EEj",
    "Marks a handle to an `nvidia::gxf::Clock`.";
}

/// A component of type `T` in the same graph. Valid while the codelet that read it is initialised.
pub struct Handle<T> {
    cid: gxf_uid_t,
    target: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(cid: gxf_uid_t) -> Self {
        Handle { cid, target: PhantomData }
    }

    /// The component's id in its context.
    pub fn cid(&self) -> i64 {
        self.cid
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

/// For messages: the type and the id.
impl<T: HandleTarget> std::fmt::Display for Handle<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} with id {}", T::TYPE_NAME, self.cid)
    }
}

impl<T: HandleTarget> std::fmt::Debug for Handle<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}
