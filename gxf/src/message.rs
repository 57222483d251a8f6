//! [`Message`]: an entity that carries data components from one codelet to the next.
//!
//! Holds one reference to the entity. Sending and receiving is on [`TickContext`].

use std::any::type_name;
use std::ptr;

use crate::component::Slot;
use crate::context::pointer;
use crate::core::Core;
use crate::error::check;
use crate::sys::{GxfEntityCreateInfo, gxf_context_t, gxf_uid_t};
use crate::{Code, Context, Data, Error, SharedData, registration};

/// A message: one reference to an entity with data components. Cloning it shares the entity.
pub struct Message {
    core: &'static Core,
    raw: gxf_context_t,
    eid: gxf_uid_t,
}

// SAFETY: a message is an id in a context; the C API takes ids from any thread, and its reference counts are atomic
// (`GxfEntityRefCountInc`/`Dec` in the runtime). Data components are `Send`. It must not outlive its context, as with
// every message in GXF: a codelet drops what it holds in `stop` or `deinitialize` at the latest.
unsafe impl Send for Message {}

impl Message {
    /// An empty message.
    ///
    /// # Errors
    /// If the runtime cannot make an entity.
    pub fn new(context: &Context<'_>) -> Result<Message, Error> {
        let (core, raw) = (context.core, context.raw);
        let info = GxfEntityCreateInfo { entity_name: ptr::null(), flags: 0 };
        let mut eid = 0;
        // SAFETY: the context is live during a callback; `info` and `eid` are valid for the call.
        check(unsafe { core.api.GxfCreateEntity(raw, &info, &mut eid) }, || "creating a message".to_owned())?;
        // A new entity has no references yet; the first one is ours.
        // SAFETY: `eid` was made above.
        check(unsafe { core.api.GxfEntityRefCountInc(raw, eid) }, || "holding a new message".to_owned())?;
        Ok(Message { core, raw, eid })
    }

    /// Takes over a reference that the caller has.
    pub(crate) fn own(core: &'static Core, raw: gxf_context_t, eid: gxf_uid_t) -> Message {
        Message { core, raw, eid }
    }

    pub(crate) fn eid(&self) -> gxf_uid_t {
        self.eid
    }

    /// Adds a data component with this value. Only one of each type: [`Message::get`] finds the first.
    ///
    /// # Errors
    /// If no loaded extension registers `T`.
    pub fn add<T: Data>(&self, value: T) -> Result<(), Error> {
        let tid = T::INFO.tid.raw();
        let mut cid = 0;
        // SAFETY: our reference keeps the entity; a null name is allowed.
        let code = unsafe { self.core.api.GxfComponentAdd(self.raw, self.eid, tid, ptr::null(), &mut cid) };
        check(code, || format!("adding {} to a message: is its extension loaded", T::INFO.type_name))?;
        let slot = pointer(self.core, self.raw, cid, tid)?.cast::<Slot<T>>();
        // SAFETY: the type id is `T`'s, so the component is a `Slot<T>` that the registering extension allocated a few
        // lines above; nobody else has seen it yet.
        unsafe { (*slot).set(value) };
        Ok(())
    }

    /// The value of the data component of this type, if the message has one.
    pub fn get<T: Data>(&self) -> Option<&T> {
        let tid = T::INFO.tid.raw();
        let (mut offset, mut cid) = (0, 0);
        // SAFETY: our reference keeps the entity; the pointers are valid for the call.
        let code =
            unsafe { self.core.api.GxfComponentFind(self.raw, self.eid, tid, ptr::null(), &mut offset, &mut cid) };
        Code::check(code).ok()?;
        let slot = pointer(self.core, self.raw, cid, tid).ok()?.cast::<Slot<T>>();
        // SAFETY: the component has the type id of `T`, so it is a `Slot<T>` (see `Data` about other extensions). It
        // lives as long as the entity, and a value is never changed or taken once it is there.
        unsafe { (*slot).get() }
    }
}

impl Message {
    /// Adds a data component that other extensions know too, with this value. Only one of each type.
    ///
    /// # Errors
    /// If no loaded extension registers `T`, or one whose layout is another.
    pub fn add_shared<T: SharedData>(&self, value: T) -> Result<(), Error> {
        // SAFETY: our reference keeps entity and context.
        let tid = unsafe { registration::shared_tid(self.core, self.raw, T::INFO.type_name, T::TIDS) }?;
        let mut cid = 0;
        // SAFETY: our reference keeps the entity; a null name is allowed.
        let code = unsafe { self.core.api.GxfComponentAdd(self.raw, self.eid, tid, ptr::null(), &mut cid) };
        check(code, || format!("adding {} to a message", T::INFO.type_name))?;
        let component = pointer(self.core, self.raw, cid, tid)?.cast::<T>();
        // SAFETY: the id is one of `T`'s, so whichever extension allocated the component a few lines above wrote an empty
        // `T` there (`SharedData`'s rules); nobody else has seen it yet.
        unsafe { *component = value };
        Ok(())
    }

    /// The value of the data component of this type, if the message has one.
    pub fn get_shared<T: SharedData>(&self) -> Option<&T> {
        // SAFETY: our reference keeps entity and context.
        let tid = unsafe { registration::shared_tid(self.core, self.raw, T::INFO.type_name, T::TIDS) }.ok()?;
        let (mut offset, mut cid) = (0, 0);
        // SAFETY: our reference keeps the entity; the pointers are valid for the call.
        let code =
            unsafe { self.core.api.GxfComponentFind(self.raw, self.eid, tid, ptr::null(), &mut offset, &mut cid) };
        Code::check(code).ok()?;
        let component = pointer(self.core, self.raw, cid, tid).ok()?.cast::<T>();
        // SAFETY: the id is one of `T`'s, so the component is a `T` (`SharedData`'s rules). It lives as long as the entity,
        // and a value is never changed or taken once the message was sent.
        Some(unsafe { &*component })
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        // SAFETY: our own reference keeps the entity.
        let code = unsafe { self.core.api.GxfEntityRefCountInc(self.raw, self.eid) };
        // It fails for an unknown entity only, and this one is known.
        debug_assert!(Code::check(code).is_ok(), "a held message is known to its context");
        Message { ..*self }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: gives back the one reference that this value holds. Nothing can be done about a failure.
        unsafe { self.core.api.GxfEntityRefCountDec(self.raw, self.eid) };
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} with entity id {}", type_name::<Self>(), self.eid)
    }
}
