//! What is compared: pads that buffers are pushed into, and what stands behind them for each source.
//! Feeding and measuring is left to the benchmarks.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; a contender that cannot be made fails it.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use recorder::core::{Config, Overlap, Stream};
use recorder::event::EventSink;
use recorder::file_name::FileNames;
use recorder::record::SourceName;
use recorder::recordbin::Setup;
use recorder::{Container, Recordbin};

use super::nvidia::{self, Peer};
use super::ring;

/// What every cache holds.
pub const WINDOW: Duration = Duration::from_secs(30);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The limit.
    Ring,
    /// Keeps nothing.
    Fakesink,
    /// Our recordbin.
    Ours,
    /// The library that NVDSSR_PEER names.
    Nvidia,
    /// GStreamer's pre-record arrangement in memory: a queue that leaks at its old end, before a blocked pad.
    LeakyQueue,
    /// GStreamer's pre-record arrangement on disk: files of 10 s, of which the last four are kept.
    Splitmux,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring (limit)",
            Self::Fakesink => "fakesink",
            Self::Ours => "ours",
            Self::Nvidia => "NVIDIA's recordbin",
            Self::LeakyQueue => "leaky queue, blocked",
            Self::Splitmux => "splitmuxsink, 4 files",
        }
    }
}

/// One of them for a number of sources.
pub struct Contender {
    /// Which.
    pub kind: Kind,
    /// One per source.
    pub pads: Vec<gst::Pad>,
    pipeline: Option<gst::Pipeline>,
    /// Dropped after the pads have been shut.
    behind: Vec<Box<dyn Any>>,
}

impl Contender {
    /// Ready to be fed, its files in `dir`.
    pub fn new(kind: Kind, sources: usize, dir: &Path, peer: Option<&'static Peer>) -> Self {
        let mut made = Self { kind, pads: Vec::with_capacity(sources), pipeline: None, behind: Vec::new() };
        if !matches!(kind, Kind::Ring | Kind::Ours) {
            made.pipeline = Some(gst::Pipeline::new());
        }
        for index in 0..sources {
            let pad = match kind {
                Kind::Ring => ring::pad(),
                Kind::Fakesink => {
                    let sink = element("fakesink").property("async", false).property("sync", false).build().unwrap();
                    made.in_pipeline(sink).static_pad("sink").unwrap()
                }
                Kind::Ours => {
                    let bin = recordbin(dir, Arc::new(|_| {}));
                    bin.set_state(gst::State::Playing).unwrap();
                    let pad = bin.pad(Stream::Video).unwrap();
                    made.behind.push(Box::new(bin));
                    pad
                }
                Kind::Nvidia => {
                    let context = nvidia::Context::new(peer.unwrap(), dir);
                    let pad = made.in_pipeline(context.recordbin().clone()).static_pad("sink").unwrap();
                    made.behind.push(Box::new(context));
                    pad
                }
                Kind::LeakyQueue => made.leaky_queue(),
                Kind::Splitmux => {
                    let location = dir.join(format!("{index}_%d.mp4"));
                    let sink = element("splitmuxsink")
                        .property("location", location.to_str().unwrap())
                        .property("max-size-time", gst::ClockTime::from_seconds(10))
                        .property("max-files", 4u32)
                        .build()
                        .unwrap();
                    made.in_pipeline(sink).request_pad_simple("video").unwrap()
                }
            };
            made.pads.push(pad);
        }
        if let Some(pipeline) = &made.pipeline {
            pipeline.set_state(gst::State::Playing).unwrap();
        }
        made
    }

    fn in_pipeline(&self, element: gst::Element) -> gst::Element {
        self.pipeline.as_ref().unwrap().add(&element).unwrap();
        element
    }

    fn leaky_queue(&mut self) -> gst::Pad {
        let queue = element("queue")
            .property_from_str("leaky", "downstream")
            .property("max-size-buffers", 0u32)
            .property("max-size-bytes", 0u32)
            .property("max-size-time", gst::ClockTime::try_from(WINDOW).unwrap())
            .property("silent", true)
            .build()
            .unwrap();
        let queue = self.in_pipeline(queue);
        let sink = self.in_pipeline(element("fakesink").property("async", false).build().unwrap());
        queue.link(&sink).unwrap();
        let out = queue.static_pad("src").unwrap();
        out.add_probe(gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER, |_, _| gst::PadProbeReturn::Ok);
        queue.static_pad("sink").unwrap()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        if let Some(pipeline) = &self.pipeline {
            let _ = pipeline.set_state(gst::State::Null);
        }
        for pad in &self.pads {
            if self.kind == Kind::Ring {
                pad.set_active(false).unwrap();
            }
        }
        self.pads.clear();
        for behind in self.behind.drain(..) {
            if let Some(bin) = behind.downcast_ref::<Recordbin>() {
                let _ = bin.set_state(gst::State::Null);
            }
        }
    }
}

fn element(name: &str) -> gst::element_factory::ElementBuilder<'_> {
    gst::ElementFactory::make(name)
}

/// Our recordbin as its users have it, without sidecars: no peer writes any.
pub fn recordbin(dir: &Path, events: EventSink) -> Recordbin {
    let setup = Setup {
        source: SourceName { index: 0, sensor: "camera".into() },
        config: Config {
            window: WINDOW,
            cache_bytes: 0,
            default_duration: Duration::from_secs(10),
            max_duration: Duration::ZERO,
            max_sessions: 1_000,
            max_pending: Config::MAX_PENDING,
            overlap: Overlap::Separate,
            both: false,
            early: false,
        },
        container: Container::Mp4,
        names: FileNames { dir: dir.into(), prefix: "Smart_Record".into(), source: None },
        sidecar: false,
        trim: false,
        total_cache_bytes: 0,
    };
    Recordbin::new(setup, events).unwrap()
}
