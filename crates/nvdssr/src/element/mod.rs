//! The GStreamer element `nvdssmartrecord`: a bin with pads `sink` (video) and `asink` (audio) that records, and that
//! passes everything on, untouched, where its pads `src` and `asrc` are requested (docs/element.md).
//! Caching and recording are left to `recorder`, sessions and their callbacks to `context`.

mod branch;
mod end;
mod enums;
mod imp;
mod input;
mod local_events;
mod message;
mod pointers;
mod properties;
mod recording;
mod signals;
mod templates;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// See the module.
    pub struct SmartRecord(ObjectSubclass<imp::SmartRecord>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

/// Makes the element known to GStreamer.
///
/// # Errors
/// When GStreamer does not take it.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    if glib::Type::from_name("GstNvDsSmartRecord").is_some() {
        // Its types have names that a process has once.
        return Err(glib::bool_error!("another copy of this library is loaded, and has the element already"));
    }
    gst::Element::register(Some(plugin), "nvdssmartrecord", gst::Rank::NONE, SmartRecord::static_type())
}
