//! `launch:` sources: a GStreamer description whose open ends are encoded streams.
//! It runs as fast as its author wants. What a stream is and where it goes is left to `link`.

use gst::prelude::*;

use super::link::{Linker, Pace};
use crate::Error;

/// Adds the description to the pipeline.
pub(super) fn add(index: usize, pipeline: &gst::Pipeline, description: &str, linker: Linker) -> Result<(), Error> {
    let refuse = |reason: String| Error::Source { index, uri: format!("launch:{description}"), reason };
    let bin = gst::parse::bin_from_description(description, false)
        .map_err(|error| refuse(format!("GStreamer does not understand it: {error}")))?;
    let mut ends = Vec::new();
    while let Some(pad) = bin.find_unlinked_pad(gst::PadDirection::Src) {
        let ghost = gst::GhostPad::builder_with_target(&pad)
            .map_err(|error| refuse(error.to_string()))?
            .name(format!("src_{}", ends.len()))
            .build();
        bin.add_pad(&ghost).map_err(|error| refuse(error.to_string()))?;
        ends.push(ghost);
    }
    if ends.is_empty() {
        return Err(refuse("it has no open end; it must end in an encoder or a parser, without a sink".into()));
    }
    super::add(pipeline, &bin)?;
    for end in ends {
        linker.parse(end.upcast_ref(), Pace::AsItComes);
    }
    Ok(())
}
