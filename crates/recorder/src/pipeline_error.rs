//! A GStreamer error in words for people: what failed and why, without source positions and passwords.
//! What follows from it is left to whoever owns the pipeline.

use crate::source::masked;

/// The text of an error message of a pipeline.
pub(crate) fn text(error: &gst::message::Error) -> String {
    // The debug text may have the cause ("Connection refused"), behind a source position that helps nobody.
    let debug = error.debug().unwrap_or_default();
    let cause = debug.rsplit_once('\n').map_or("", |(_, cause)| cause.trim());
    let cause = if cause.is_empty() { String::new() } else { format!(" ({cause})") };
    if error.error().matches(gst::ResourceError::NoSpaceLeft) {
        // The system's words, which people search for; GStreamer has its own.
        return "No space left on device".into();
    }
    masked(&format!("{}{cause}", error.error()))
}
