//! The pointers that the signals of nvurisrcbin carry: the only place of the element that follows one.
//! What they are for is left to `signals`.

/// Writes a session id to where the emitter of `start-sr` wants it.
///
/// # Safety
/// `place` is null, or points to a `guint32` that can be written until the emission returns.
pub(super) unsafe fn write_session(place: gst::glib::Pointer, session: u32) {
    let place = place.cast::<u32>();
    if !place.is_null() {
        // SAFETY: not null, and a guint32 by the contract of the signal, which is the caller's.
        unsafe { place.write_unaligned(session) };
    }
}
