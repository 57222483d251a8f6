//! What an extension's author implements: [`Component`], [`Codelet`], [`Data`]; and the table row made of it.
//!
//! The rows are constants: the runtime asks for names and parameters long before a component exists. Calling the
//! implementations is done in `instance`.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use crate::instance::AnyCodelet;
use crate::limits;
use crate::shared_data::is_one_of;
use crate::{AnyParameter, BoxError, Context, SharedData, StandIn, TickContext, Tid};

/// Who a component type is. The texts show up in Composer, in the registry and through `GxfComponentInfo`.
#[derive(Clone, Copy, Debug)]
pub struct ComponentInfo {
    /// The type's id: a fresh UUID, once and for ever. `Tid::parse("...")` reads one.
    pub tid: Tid,
    /// The type's name with its namespace, e.g. `my::company::Detector`.
    pub type_name: &'static str,
    /// What Composer calls it; at most 50 bytes.
    pub display_name: &'static str,
    /// One sentence; at most 128 bytes.
    pub brief: &'static str,
    /// What a user needs to know; at most 1026 bytes.
    pub description: &'static str,
}

/// A component type that has parameters.
pub trait Component: Sized + Send + 'static {
    /// Who it is.
    const INFO: ComponentInfo;
    /// Its parameters, in the order in which tools show them.
    const PARAMETERS: &'static [&'static dyn AnyParameter];
    /// Makes one. Called right before [`Codelet::initialize`], never while an extension is only being listed.
    fn new() -> Self;
}

/// A component that the scheduler calls. The callbacks of one codelet never run at the same time, but they may run on
/// different threads. An error or a panic becomes a GXF error code and one log line.
pub trait Codelet: Component {
    /// Called once when the graph is activated. The parameters are set and have passed their checks.
    ///
    /// # Errors
    /// Any error ends the activation of the graph.
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let _ = context;
        Ok(())
    }

    /// Called before the first tick.
    ///
    /// # Errors
    /// Any error ends the graph.
    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let _ = context;
        Ok(())
    }

    /// Called whenever the scheduling terms of the entity are met.
    ///
    /// # Errors
    /// Any error ends the graph, unless the entity has a controller that says otherwise.
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError>;

    /// Called after the last tick if `start` was called.
    ///
    /// # Errors
    /// Any error becomes the result of the run.
    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let _ = context;
        Ok(())
    }

    /// Called once when the graph is deactivated; the value is dropped afterwards.
    ///
    /// # Errors
    /// Any error becomes the result of the deactivation.
    fn deinitialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let _ = context;
        Ok(())
    }
}

/// A plain value that travels in messages. GXF knows it by its type name and id only.
///
/// Codelets of the extension that registers it use it. What crosses extensions is [`SharedData`].
pub trait Data: Sized + Send + 'static {
    /// Who it is.
    const INFO: ComponentInfo;
}

/// A component type of an extension: one row of the table.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct ComponentType {
    pub(crate) info: ComponentInfo,
    pub(crate) parameters: &'static [&'static dyn AnyParameter],
    pub(crate) make: Make,
}

#[derive(Clone, Copy)]
pub(crate) enum Make {
    Codelet {
        new: fn() -> Box<dyn AnyCodelet>,
    },
    Data {
        allocate: fn() -> *mut c_void,
        deallocate: unsafe fn(*mut c_void),
    },
    /// Data that other extensions register too, under the other ids.
    Shared {
        allocate: fn() -> *mut c_void,
        deallocate: unsafe fn(*mut c_void),
        tids: &'static [Tid],
    },
    /// Objects of the standard extension's type with this name.
    StandIn {
        base: &'static str,
    },
}

/// Where the value of a data component lives. GXF makes the component first; the value comes afterwards.
#[repr(C)]
pub(crate) struct Slot<T> {
    /// First, so that a pointer to the component is a pointer to the value.
    value: MaybeUninit<T>,
    present: bool,
}

impl<T> Slot<T> {
    pub(crate) fn set(&mut self, value: T) {
        debug_assert!(!self.present, "a data component is given its value once");
        self.value.write(value);
        self.present = true;
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: `present` is set by `set` alone, after the value was written, and never cleared.
        self.present.then(|| unsafe { self.value.assume_init_ref() })
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if self.present {
            // SAFETY: as in `get`; the slot is not used after its drop.
            unsafe { self.value.assume_init_drop() }
        }
    }
}

impl ComponentType {
    /// The row of a codelet. The limits of its texts are checked here, at compile time.
    pub const fn codelet<T: Codelet>() -> Self {
        const { check(&T::INFO) };
        ComponentType { info: T::INFO, parameters: T::PARAMETERS, make: Make::Codelet { new: || Box::new(T::new()) } }
    }

    /// The row of a data component.
    pub const fn data<T: Data>() -> Self {
        const { check(&T::INFO) };
        ComponentType {
            info: T::INFO,
            parameters: &[],
            make: Make::Data {
                allocate: || Box::into_raw(Box::new(Slot::<T> { value: MaybeUninit::uninit(), present: false })).cast(),
                deallocate: |pointer| {
                    // SAFETY: the caller passes what `allocate` of this row returned, once.
                    drop(unsafe { Box::from_raw(pointer.cast::<Slot<T>>()) });
                },
            },
        }
    }

    /// The row of a data component that other extensions know too; `tid` is this extension's id for it.
    pub const fn shared<T: SharedData>(tid: Tid) -> Self {
        const { check(&T::INFO) };
        assert!(is_one_of(tid, T::TIDS), "shared data: the id of this extension must be one of SharedData::TIDS");
        ComponentType {
            info: ComponentInfo { tid, ..T::INFO },
            parameters: &[],
            make: Make::Shared {
                allocate: || Box::into_raw(Box::new(T::empty())).cast(),
                deallocate: |pointer| {
                    // SAFETY: the caller passes what `allocate` of this row returned, once.
                    drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
                },
                tids: T::TIDS,
            },
        }
    }

    /// The row of a type that stands for one of the standard extension.
    pub const fn stand_in(stand_in: StandIn) -> Self {
        check(&stand_in.info);
        assert!(!stand_in.base.is_empty(), "stand-in: the type that it stands for is missing");
        ComponentType {
            info: stand_in.info,
            parameters: stand_in.parameters,
            make: Make::StandIn { base: stand_in.base },
        }
    }

    /// The name of the type this one derives from.
    pub(crate) fn base_name(&self) -> Option<&'static str> {
        match self.make {
            Make::Codelet { .. } => Some("nvidia::gxf::Codelet"),
            Make::Data { .. } | Make::Shared { .. } => None,
            Make::StandIn { base } => Some(base),
        }
    }
}

const fn check(info: &ComponentInfo) {
    assert!(!info.type_name.is_empty() && limits::fits(info.type_name, 255), "type_name: 1 to 255 bytes, no NUL");
    assert!(limits::fits(info.display_name, limits::COMPONENT_DISPLAY_NAME), "display_name: at most 50 bytes, no NUL");
    assert!(limits::fits(info.brief, limits::COMPONENT_BRIEF), "brief: at most 128 bytes, no NUL");
    assert!(limits::fits(info.description, limits::COMPONENT_DESCRIPTION), "description: at most 1026 bytes, no NUL");
}
