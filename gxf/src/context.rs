//! [`Context`]: what a codelet can ask its surroundings while one of its callbacks runs.
//!
//! A context cannot be kept: whoever needs something from another thread takes a [`Waker`]. Sending and receiving is
//! only possible in a tick, so it is on [`TickContext`]; a codelet that stops may empty its receivers.

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::OnceLock;

use crate::core::Core;
use crate::error::check;
use crate::parameter_type::Source;
use crate::sys::{gxf_context_t, gxf_tid_t, gxf_uid_t, gxfs_receive, gxfs_sync};
use crate::waker::Shared;
use crate::{Code, Error, Handle, Message, Parameter, ParameterType, Receiver, Transmitter, Waker};

/// What a codelet can ask during a callback. Not `Send`: it belongs to the thread that GXF called on.
pub struct Context<'a> {
    pub(crate) core: &'static Core,
    pub(crate) raw: gxf_context_t,
    pub(crate) eid: gxf_uid_t,
    pub(crate) cid: gxf_uid_t,
    pub(crate) waker: &'a OnceLock<Waker>,
    pub(crate) callback: PhantomData<&'a *mut ()>,
}

/// What a codelet can ask during a tick: everything in [`Context`], and messages.
pub struct TickContext<'a>(pub(crate) Context<'a>);

impl<'a> std::ops::Deref for TickContext<'a> {
    type Target = Context<'a>;
    fn deref(&self) -> &Context<'a> {
        &self.0
    }
}

impl Context<'_> {
    /// The id of the codelet's entity.
    pub fn eid(&self) -> i64 {
        self.eid
    }

    /// The id of the codelet itself.
    pub fn cid(&self) -> i64 {
        self.cid
    }

    /// The name of the codelet's entity; empty if it has none.
    pub fn entity_name(&self) -> String {
        entity_name(self.core, self.raw, self.eid)
    }

    /// The name of the codelet itself; empty if the graph gives it none.
    pub fn component_name(&self) -> String {
        component_name(self.core, self.raw, self.cid)
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// If the parameter has no value (only an optional one without a default can have none), or belongs to another
    /// component type.
    pub fn get<T: ParameterType>(&self, parameter: &Parameter<T>) -> Result<T, Error> {
        self.read(parameter)?.map_err(|code| self.parameter_error(parameter.key(), code))
    }

    /// The value of a parameter that may have none.
    ///
    /// # Errors
    /// If the parameter belongs to another component type.
    pub fn try_get<T: ParameterType>(&self, parameter: &Parameter<T>) -> Result<Option<T>, Error> {
        match self.read(parameter)? {
            Ok(value) => Ok(Some(value)),
            Err(code) if code == Code::PARAMETER_NOT_INITIALIZED.raw() => Ok(None),
            Err(code) => Err(self.parameter_error(parameter.key(), code)),
        }
    }

    fn read<T: ParameterType>(&self, parameter: &Parameter<T>) -> Result<Result<T, i32>, Error> {
        let key = CString::new(parameter.key()).map_err(|_| Error::Nul("the key of a parameter"))?;
        Ok(parameter.read(Source { core: self.core, context: self.raw, cid: self.cid, key: &key }))
    }

    fn parameter_error(&self, key: &str, code: i32) -> Error {
        match check(code, || format!("reading parameter '{key}'")) {
            Err(error) => error,
            Ok(()) => Error::Misuse(format!("reading parameter '{key}' failed without a reason")),
        }
    }

    /// Whether the codelet's entity holds a component of this type, e.g. `nvidia::gxf::PeriodicSchedulingTerm`; so that
    /// a codelet can warn about a graph that does not suit it. False for a type that no loaded extension has.
    pub fn has_scheduling_term(&self, type_name: &str) -> bool {
        CString::new(type_name).is_ok_and(|name| self.find(&name).is_some())
    }

    /// The [`Waker`] of this codelet: the same one each time.
    ///
    /// # Errors
    /// If the codelet's entity has no `nvidia::gxf::AsynchronousSchedulingTerm`.
    pub fn waker(&self) -> Result<Waker, Error> {
        if let Some(waker) = self.waker.get() {
            return Ok(waker.clone());
        }
        let term = self.find(c"nvidia::gxf::AsynchronousSchedulingTerm").ok_or_else(|| {
            Error::Misuse(format!(
                "entity '{}' needs an nvidia::gxf::AsynchronousSchedulingTerm: its codelet is woken by events",
                self.entity_name()
            ))
        })?;
        if self.core.symbols.set_event_state.is_null() {
            return Err(Error::Missing("AsynchronousSchedulingTerm::setEventState"));
        }
        let waker = Shared::waker(self.core, self.raw, self.eid, term);
        Ok(self.waker.get_or_init(|| waker).clone())
    }

    /// The first component of a type in the codelet's entity.
    fn find(&self, type_name: &CStr) -> Option<*mut c_void> {
        let mut tid = gxf_tid_t::default();
        let mut cid = 0;
        let mut offset = 0;
        // SAFETY: the context is live during a callback; all pointers are valid for the calls.
        unsafe {
            Code::check(self.core.api.GxfComponentTypeId(self.raw, type_name.as_ptr(), &mut tid)).ok()?;
            let found = self.core.api.GxfComponentFind(self.raw, self.eid, tid, ptr::null(), &mut offset, &mut cid);
            Code::check(found).ok()?;
        }
        pointer(self.core, self.raw, cid, tid).ok()
    }
}

impl Context<'_> {
    /// The oldest message that a receiver still holds when the codelet stops, when no tick will take it any more, those
    /// included that have arrived since its last tick; `None` if there is none. For [`crate::Codelet::stop`] alone.
    ///
    /// # Errors
    /// If the receiver does not exist any more or fails.
    pub fn receive_left(&self, receiver: &Handle<Receiver>) -> Result<Option<Message>, Error> {
        if let Some(message) = self.take(receiver)? {
            return Ok(Some(message));
        }
        let pointer = self.queue(receiver.cid(), <Receiver as crate::HandleTarget>::C_TYPE_NAME)?;
        // SAFETY: `pointer` is the runtime's Receiver; the symbols are of the same runtime.
        let code = unsafe { gxfs_sync(&self.core.symbols, pointer) };
        // A runtime that does not export it keeps what it has not handed over.
        if code == Code::NOT_IMPLEMENTED.raw() {
            return Ok(None);
        }
        check(code, || format!("emptying {receiver}"))?;
        self.take(receiver)
    }

    fn take(&self, receiver: &Handle<Receiver>) -> Result<Option<Message>, Error> {
        let pointer = self.queue(receiver.cid(), <Receiver as crate::HandleTarget>::C_TYPE_NAME)?;
        let mut eid = 0;
        // SAFETY: `pointer` is the runtime's Receiver; the symbols are of the same runtime.
        let code = unsafe { gxfs_receive(&self.core.symbols, pointer, self.raw, &mut eid) };
        // An empty queue answers with one of these two, depending on the version and on the kind of queue.
        if code == Code::FAILURE.raw() || code == Code::MESSAGE_NOT_AVAILABLE.raw() {
            return Ok(None);
        }
        check(code, || format!("receiving from {receiver}"))?;
        // The reference that came with the message is the message's now.
        Ok(Some(Message::own(self.core, self.raw, eid)))
    }

    fn queue(&self, cid: gxf_uid_t, type_name: &CStr) -> Result<*mut c_void, Error> {
        let doing = || format!("looking up the {} with id {cid}", type_name.to_string_lossy());
        let mut tid = gxf_tid_t::default();
        // SAFETY: the context is live during a callback; name and tid are valid.
        let code = unsafe { self.core.api.GxfComponentTypeId(self.raw, type_name.as_ptr(), &mut tid) };
        check(code, doing)?;
        pointer(self.core, self.raw, cid, tid)
    }
}

impl TickContext<'_> {
    /// The oldest message in a receiver; `None` if it is empty.
    ///
    /// # Errors
    /// If the receiver does not exist any more or fails.
    pub fn receive(&self, receiver: &Handle<Receiver>) -> Result<Option<Message>, Error> {
        self.take(receiver)
    }

    /// Sends a message. It leaves when the tick ends.
    ///
    /// # Errors
    /// If the transmitter does not exist any more or its queue is full.
    pub fn publish(&self, transmitter: &Handle<Transmitter>, message: Message) -> Result<(), Error> {
        let pointer = self.queue(transmitter.cid(), <Transmitter as crate::HandleTarget>::C_TYPE_NAME)?;
        // SAFETY: `pointer` is the runtime's Transmitter; the message's entity is live until `message` is dropped.
        let code = unsafe { crate::sys::gxfs_publish(&self.core.symbols, pointer, self.raw, message.eid()) };
        check(code, || format!("publishing to {transmitter}"))
    }
}

/// The address of a component as an object of type `tid`.
pub(crate) fn pointer(core: &Core, raw: gxf_context_t, cid: gxf_uid_t, tid: gxf_tid_t) -> Result<*mut c_void, Error> {
    let mut pointer = ptr::null_mut();
    // SAFETY: the context is live; `pointer` can be written.
    let code = unsafe { core.api.GxfComponentPointer(raw, cid, tid, &mut pointer) };
    check(code, || format!("asking for the address of the component with id {cid}"))?;
    if pointer.is_null() {
        return Err(Error::Gxf {
            doing: format!("the component with id {cid} has no address"),
            code: Code::NULL_POINTER,
        });
    }
    Ok(pointer)
}

/// The name of an entity; empty if there is none.
pub(crate) fn entity_name(core: &Core, raw: gxf_context_t, eid: gxf_uid_t) -> String {
    let mut name = ptr::null();
    // SAFETY: the context is live; `name` can be written.
    let code = unsafe { core.entity_name(raw, eid, &mut name) };
    text(code, name)
}

/// The name of a component; empty if there is none.
pub(crate) fn component_name(core: &Core, raw: gxf_context_t, cid: gxf_uid_t) -> String {
    let mut name = ptr::null();
    // SAFETY: the context is live; `name` can be written.
    let code = unsafe { core.api.GxfComponentName(raw, cid, &mut name) };
    text(code, name)
}

fn text(code: i32, name: *const std::ffi::c_char) -> String {
    if code != crate::code::SUCCESS || name.is_null() {
        return String::new();
    }
    // SAFETY: on success the runtime gives its own C string, which is copied at once.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

/// `entity/component`, as a user writes it in an override; with ids where there is no name.
pub(crate) fn label(core: &Core, raw: gxf_context_t, eid: gxf_uid_t, cid: gxf_uid_t) -> String {
    let or_id = |name: String, id| if name.is_empty() { format!("(id {id})") } else { name };
    format!("{}/{}", or_id(entity_name(core, raw, eid), eid), or_id(component_name(core, raw, cid), cid))
}
