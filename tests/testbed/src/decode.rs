//! Runs a file through GStreamer's decoders and hands over every decoded sample.
//! The shared machinery of the judge and the contact sheet; the file's end is awaited on the bus.
//! Left to others: what the samples mean.

use std::path::Path;

use gst::prelude::*;

use crate::{Error, HANG_GUARD};

/// One kind of stream that is to be decoded.
pub(crate) struct Branch {
    /// Start of the decoded caps' name: `video/` or `audio/`.
    pub kind: &'static str,
    /// What lies between the decoder and the sink.
    pub filter: String,
    /// Called on GStreamer's streaming threads, once per decoded sample, in order.
    pub sample: Box<dyn FnMut(&gst::Sample) + Send>,
}

/// Decodes the first stream of each branch's kind from beginning to end. Returns the warnings of the decoders.
pub(crate) fn decode_file(path: &Path, branches: Vec<Branch>) -> Result<Vec<String>, Error> {
    gst::init().map_err(|e| Error::gst("initialise", e))?;
    let pipeline = gst::Pipeline::new();
    let make = |name: &str| gst::ElementFactory::make(name).build().map_err(|e| Error::gst("build a decoder", e));
    let (source, decoder) = (make("filesrc")?, make("decodebin")?);
    source.set_property("location", path);
    pipeline
        .add_many([&source, &decoder])
        .and_then(|()| source.link(&decoder))
        .map_err(|e| Error::gst("build a decoder", e))?;

    let weak = pipeline.downgrade();
    let branches = parking_lot::Mutex::new(branches);
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let kind = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = kind.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
        let mut waiting = branches.lock();
        let wanted = waiting.iter().position(|branch| kind.starts_with(branch.kind));
        let sink = match wanted.map(|at| waiting.remove(at)) {
            Some(branch) => branch_sink(branch),
            // Streams that nobody asked for must flow too, or the others stall.
            None => gst::parse::bin_from_description("fakesink", true),
        };
        let linked = sink.map_err(|e| e.to_string()).and_then(|sink| {
            pipeline.add(&sink).map_err(|e| e.to_string())?;
            let input = sink.static_pad("sink").ok_or("a branch without input")?;
            pad.link(&input).map_err(|e| e.to_string())?;
            sink.sync_state_with_parent().map_err(|e| e.to_string())
        });
        if let Err(reason) = linked {
            gst::element_error!(decoder, gst::CoreError::Pad, ["cannot take {kind}: {reason}"]);
        }
    });
    run_to_end(&pipeline, path)
}

/// A bin of the branch's filter and an application sink that calls it.
fn branch_sink(mut branch: Branch) -> Result<gst::Bin, gst::glib::Error> {
    let description = format!("{} ! appsink name=out sync=false", branch.filter);
    let bin = gst::parse::bin_from_description(&description, true)?;
    if let Some(sink) = bin.by_name("out").and_downcast::<gst_app::AppSink>() {
        let new_sample = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            (branch.sample)(&sample);
            Ok(gst::FlowSuccess::Ok)
        };
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(new_sample).build());
    }
    Ok(bin)
}

/// Plays a pipeline until its end and takes it down. Returns the warnings that it posted.
pub(crate) fn run_to_end(pipeline: &gst::Pipeline, path: &Path) -> Result<Vec<String>, Error> {
    let result = wait_for_end(pipeline, path);
    let stopped = pipeline.set_state(gst::State::Null);
    let warnings = result?;
    stopped.map_err(|e| Error::gst(format!("stop the pipeline of {}", path.display()), e))?;
    Ok(warnings)
}

fn wait_for_end(pipeline: &gst::Pipeline, path: &Path) -> Result<Vec<String>, Error> {
    let bus = pipeline.bus().ok_or_else(|| Error::gst("run a pipeline", "it has no bus"))?;
    // A refused start is explained by the error message on the bus, which is read below.
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    let guard = gst::ClockTime::try_from(HANG_GUARD).unwrap_or(gst::ClockTime::MAX);
    let mut warnings = Vec::new();
    loop {
        let wait = if started.is_ok() { guard } else { gst::ClockTime::ZERO };
        let Some(message) = bus.timed_pop_filtered(wait, &kinds) else {
            return Err(match started {
                Err(e) => Error::gst(path.display().to_string(), e),
                Ok(_) => Error::Hung {
                    what: format!("the end of {}", path.display()),
                    waited: HANG_GUARD,
                    seen: warnings.join("\n"),
                },
            });
        };
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(warnings),
            gst::MessageView::Error(e) => {
                let detail = e.debug().map(|d| format!(" ({d})")).unwrap_or_default();
                return Err(Error::gst(path.display().to_string(), format!("{}{detail}", e.error())));
            }
            gst::MessageView::Warning(w) => warnings.push(w.error().to_string()),
            _ => {}
        }
    }
}
