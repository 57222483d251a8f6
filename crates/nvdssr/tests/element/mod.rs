//! A pipeline with the element for a test, what it says on its bus, and the clip that is played through it.
//! What is asserted is left to the tests.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

#[path = "../common/library.rs"]
mod library;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use gst::prelude::*;
use parking_lot::Mutex;
use testbed::{AudioCodec, HANG_GUARD, Scene, TempDir, temp_dir};

pub use library::library;

/// Of the clip: 10 s, a keyframe each half second.
pub const FPS: u32 = 30;
pub const GOP: u32 = 15;

/// The clip's video into the element `r`.
pub const VIDEO: &str = "d.video_0 ! queue ! h264parse ! nvdssmartrecord name=r";

/// GStreamer with the plugin.
pub fn init() {
    static LOADED: OnceLock<()> = OnceLock::new();
    LOADED.get_or_init(|| {
        gst::init().unwrap();
        // The plugin as it is, whatever the registry knows of others.
        gst::Plugin::load_file(library()).unwrap();
    });
}

/// A clip of H.264 and AAC whose frames carry their numbers, made once for the test program.
pub fn clip() -> &'static Path {
    static CLIP: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &CLIP
        .get_or_init(|| {
            let dir = temp_dir().unwrap();
            let path = dir.path().join("clip.mkv");
            let scene = Scene::new().gop(GOP).audio(AudioCodec::Aac).without_text();
            testbed::make_file(&path, &scene, 10).unwrap();
            (dir, path)
        })
        .1
}

/// What a pipeline's bus has to say.
#[derive(Debug)]
pub enum Said {
    Element(gst::Structure),
    Eos,
    Error(String),
    Warning(String),
}

/// A pipeline with the element `r` in it.
pub struct Rig {
    pub pipeline: gst::Pipeline,
    pub element: gst::Element,
    pub dir: TempDir,
    said: Receiver<Said>,
}

impl Rig {
    /// A pipeline that plays the clip as fast as it can through a demuxer `d`.
    pub fn of_clip(rest: &str) -> Self {
        init();
        Self::new(&format!("filesrc location={} ! matroskademux name=d {rest}", clip().display()))
    }

    pub fn new(description: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>().unwrap();
        let element = pipeline.by_name("r").unwrap();
        let dir = temp_dir().unwrap();
        element.set_property("smart-rec-dir-path", dir.path().to_str().unwrap());
        let (sender, said) = channel();
        listen(&pipeline, sender);
        Self { pipeline, element, dir, said }
    }

    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    pub fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }

    /// Calls `then` on the streaming thread when frame `number` (from 0) is about to reach the element.
    pub fn at_frame(&self, number: u32, then: impl Fn(&gst::Element) + Send + Sync + 'static) {
        let seen = AtomicU32::new(0);
        self.element.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            if seen.fetch_add(1, Ordering::Relaxed) == number {
                then(&pad.parent_element().unwrap());
            }
            gst::PadProbeReturn::Ok
        });
    }

    pub fn said(&self) -> Said {
        self.said.recv_timeout(HANG_GUARD).expect("the pipeline says no more")
    }

    /// The next message of that name; an error on the way fails the test.
    pub fn wait_for(&self, name: &str) -> gst::Structure {
        loop {
            match self.said() {
                Said::Element(structure) if structure.name() == name => return structure,
                Said::Element(_) | Said::Warning(_) => {}
                other => panic!("{other:?} instead of {name}"),
            }
        }
    }

    pub fn wait_for_eos(&self) {
        loop {
            match self.said() {
                Said::Eos => return,
                Said::Error(error) => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// All of the element's messages until the end of the stream.
    pub fn until_eos(&self) -> Vec<gst::Structure> {
        let mut all = Vec::new();
        loop {
            match self.said() {
                Said::Eos => return all,
                Said::Element(structure) => all.push(structure),
                Said::Warning(_) => {}
                Said::Error(error) => panic!("{error}"),
            }
        }
    }

    /// What has been said up to now.
    pub fn rest(&self) -> Vec<Said> {
        self.said.try_iter().collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn listen(pipeline: &gst::Pipeline, sender: Sender<Said>) {
    let sender = Mutex::new(sender);
    pipeline.bus().unwrap().set_sync_handler(move |_, message| {
        let said = match message.view() {
            gst::MessageView::Element(element) => {
                element.structure().map(|structure| Said::Element(structure.to_owned()))
            }
            gst::MessageView::Eos(_) => Some(Said::Eos),
            gst::MessageView::Error(error) => Some(Said::Error(error.error().to_string())),
            gst::MessageView::Warning(warning) => Some(Said::Warning(warning.error().to_string())),
            _ => None,
        };
        if let Some(said) = said {
            drop(sender.lock().send(said));
        }
        gst::BusSyncReply::Drop
    });
}

/// Names of what is in the folder.
pub fn files(rig: &Rig) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(rig.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// `start-recording`: so many seconds before and after; the session or -1.
pub fn start(element: &gst::Element, before: f64, after: f64, id: &str) -> i32 {
    element.emit_by_name("start-recording", &[&before, &after, &id])
}

/// `stop-recording`.
pub fn stop(element: &gst::Element, session: i32) -> bool {
    element.emit_by_name("stop-recording", &[&session])
}

/// What a done message says of the file, against the file: it covers the asked interval as far as the stream does, begins
/// with the keyframe before it, and each frame is there. Returns the numbers of its first and last frame.
pub fn check(done: &gst::Structure) -> (u32, u32) {
    println!("{done}");
    let file = PathBuf::from(done.get::<String>("location").unwrap());
    let decoded = testbed::decode(&file).unwrap();
    let video = decoded.video().unwrap();
    let counters = video.check_unbroken().unwrap();
    assert_eq!(decoded.warnings, [""; 0]);
    let time = |field| done.get::<i64>(field).unwrap();
    let frame = 1_000_000_000 / i64::from(FPS);
    let missing = |field| done.get::<u64>(field).unwrap();
    if missing("missing-at-start") == 0 {
        let lead = time("asked-start") - time("actual-start");
        assert!((0..i64::from(GOP) * frame + frame).contains(&lead), "{lead}");
    }
    if missing("missing-at-end") == 0 {
        let over = time("actual-end") - time("asked-end");
        assert!((0..2 * frame).contains(&over), "{over}");
    }
    assert_eq!(counters.start() % GOP, 0, "begins with a keyframe");
    let length = i64::try_from(done.get::<u64>("duration").unwrap()).unwrap();
    assert_eq!(length, time("actual-end") - time("actual-start"));
    assert!((video.end_ns().unwrap() - video.first_ns().unwrap() - length).abs() < 2 * frame);
    assert_eq!(missing("bytes"), std::fs::metadata(&file).unwrap().len());
    (*counters.start(), *counters.end())
}
