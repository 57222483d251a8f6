//! One codelet in a graph: the functions that the C++ object calls, and the author's value behind them.
//!
//! The value is made right before `initialize` and dropped after `deinitialize`, so that listing an extension makes
//! none. All calls go through `trampoline`.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::component::{ComponentType, Make};
use crate::core::Core;
use crate::release::{ComponentLayout, Release};
use crate::sys::{gxfs_codelet_calls, gxfs_codelet_new, gxfs_component, gxfs_registrar};
use crate::trampoline::{Failure, enter};
use crate::{BoxError, Code, Codelet, Context, Error, TickContext, Waker, context, register, settle, watch};

/// A [`Codelet`] whose type is forgotten.
pub(crate) trait AnyCodelet {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError>;
    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError>;
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError>;
    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError>;
    fn deinitialize(&mut self, context: &Context<'_>) -> Result<(), BoxError>;
}

impl<T: Codelet> AnyCodelet for T {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        Codelet::initialize(self, context)
    }
    fn start(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        Codelet::start(self, context)
    }
    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        Codelet::tick(self, context)
    }
    fn stop(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        Codelet::stop(self, context)
    }
    fn deinitialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        Codelet::deinitialize(self, context)
    }
}

/// What the C++ object points to.
struct Instance {
    core: &'static Core,
    component: &'static ComponentType,
    /// There between `initialize` and `deinitialize`.
    codelet: Option<Box<dyn AnyCodelet>>,
    waker: OnceLock<Waker>,
}

static CALLS: gxfs_codelet_calls = gxfs_codelet_calls {
    register_interface: Some(register_interface),
    initialize: Some(initialize),
    deinitialize: Some(deinitialize),
    start: Some(start),
    tick: Some(tick),
    stop: Some(stop),
    drop: Some(drop_instance),
};

/// A new C++ codelet object for a row of the table; null if there is no memory.
pub(crate) fn new(core: &'static Core, release: Release, component: &'static ComponentType) -> *mut c_void {
    let has_name = release.layout == ComponentLayout::Named;
    let instance = Box::new(Instance { core, component, codelet: None, waker: OnceLock::new() });
    // SAFETY: `CALLS` is static and expects an `Instance`, which the C++ object owns from here on.
    unsafe { gxfs_codelet_new(&CALLS, Box::into_raw(instance).cast(), has_name) }
}

/// # Safety
/// `this` and `at` must be what the C++ object made by `new` passes. GXF calls one component from one thread at a time:
/// the entity executor holds the entity's lock for start, tick and stop, and initialises and deinitialises outside of
/// execution.
unsafe fn parts<'a>(this: *mut c_void, at: *const gxfs_component) -> (&'a mut Instance, &'a gxfs_component) {
    // SAFETY: the caller's promise.
    unsafe { (&mut *this.cast::<Instance>(), &*at) }
}

fn context<'a>(core: &'static Core, at: &gxfs_component, waker: &'a OnceLock<Waker>) -> Context<'a> {
    Context { core, raw: at.context, eid: at.eid, cid: at.cid, waker, callback: PhantomData }
}

unsafe extern "C" fn register_interface(
    this: *mut c_void,
    at: *const gxfs_component,
    registrar: *const gxfs_registrar,
) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    let ((instance, at), registrar) = unsafe { (parts(this, at), &*registrar) };
    let name = instance.component.info.type_name;
    enter(|| name.to_owned(), || register::register_interface(instance.core, instance.component, at, registrar))
}

/// Runs one callback of the author's value.
///
/// # Safety
/// As for `parts`.
unsafe fn call(
    this: *mut c_void,
    at: *const gxfs_component,
    callback: impl FnOnce(&mut dyn AnyCodelet, Context<'_>) -> Result<(), BoxError>,
) -> i32 {
    // SAFETY: the caller's promise.
    let (instance, at) = unsafe { parts(this, at) };
    let Instance { core, codelet, waker, .. } = instance;
    enter(
        || context::label(core, at.context, at.eid, at.cid),
        || {
            let codelet = codelet.as_deref_mut().ok_or_else(|| Failure {
                code: Code::INVALID_LIFECYCLE_STAGE,
                text: "called before it was initialised".to_owned(),
            })?;
            callback(codelet, context(core, at, waker)).map_err(Failure::from)
        },
    )
}

unsafe extern "C" fn initialize(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    let (instance, place) = unsafe { parts(this, at) };
    let made = enter(
        || context::label(instance.core, place.context, place.eid, place.cid),
        || {
            let Make::Codelet { new } = instance.component.make else {
                return Err(Error::Misuse("not a codelet".to_owned()));
            };
            watch::remember(place.cid, context::label(instance.core, place.context, place.eid, place.cid));
            instance.waker = OnceLock::new();
            instance.codelet = Some(new());
            Ok(())
        },
    );
    if made != crate::code::SUCCESS {
        return made;
    }
    // SAFETY: as above; the references made above are not used any more.
    let code = unsafe { call(this, at, |codelet, context| codelet.initialize(&context)) };
    if code != crate::code::SUCCESS {
        // GXF does not deinitialise what failed to initialise.
        // SAFETY: as above.
        unsafe { end(this, at) };
    }
    code
}

unsafe extern "C" fn deinitialize(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    unsafe {
        let code = call(this, at, |codelet, context| codelet.deinitialize(&context));
        let dropped = end(this, at);
        if code == crate::code::SUCCESS { dropped } else { code }
    }
}

/// Ends the waker and drops the author's value.
///
/// # Safety
/// As for `parts`.
unsafe fn end(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: the caller's promise.
    let (instance, at) = unsafe { parts(this, at) };
    if let Some(waker) = instance.waker.take() {
        waker.end();
    }
    settle::stopped(at.context, at.eid, at.cid); // GXF does not stop what failed to start.
    watch::forget(at.cid);
    let codelet = instance.codelet.take();
    enter(
        || context::label(instance.core, at.context, at.eid, at.cid),
        || {
            drop(codelet);
            Ok::<(), Error>(())
        },
    )
}

unsafe extern "C" fn start(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    unsafe {
        call(this, at, |codelet, context| {
            settle::started(context.core, context.raw, context.eid, context.cid);
            codelet.start(&context)?;
            if let Some(waker) = context.waker.get() {
                waker.start();
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn tick(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    let code = unsafe {
        call(this, at, |codelet, context| {
            let _tick = context.waker.get().map(Waker::tick);
            codelet.tick(&TickContext(context))
        })
    };
    settle::ticked();
    code
}

unsafe extern "C" fn stop(this: *mut c_void, at: *const gxfs_component) -> i32 {
    // SAFETY: called by the C++ object with its own arguments.
    unsafe {
        call(this, at, |codelet, context| {
            if let Some(waker) = context.waker.get() {
                waker.stop();
            }
            settle::stopped(context.raw, context.eid, context.cid);
            codelet.stop(&context)
        })
    }
}

unsafe extern "C" fn drop_instance(this: *mut c_void) {
    // SAFETY: the C++ object's destructor passes the `Instance` that `new` gave it, once.
    let instance = unsafe { Box::from_raw(this.cast::<Instance>()) };
    let name = instance.component.info.type_name;
    enter(
        || name.to_owned(),
        || {
            if let Some(waker) = instance.waker.get() {
                waker.end();
            }
            drop(instance);
            Ok::<(), Error>(())
        },
    );
}
