//! Files and HTTP: `urisourcebin`, paced by the clock, since a trigger means something only in real time.
//! What a stream is and where it goes is left to `link`.

use gst::prelude::*;

use super::link::{Linker, Pace};
use super::make;
use crate::Error;

/// Adds the source to the pipeline.
pub(super) fn add(pipeline: &gst::Pipeline, uri: &str, linker: Linker) -> Result<(), Error> {
    let source = make("urisourcebin", "gstreamer1.0-plugins-base")?;
    source.set_property("uri", uri);
    source.connect_pad_added(move |_, pad| linker.parse(pad, Pace::RealTime));
    super::add(pipeline, &source)
}
