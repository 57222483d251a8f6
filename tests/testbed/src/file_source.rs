//! Makes test files (MP4, MKV, MPEG-TS) of a scene, as fast as the machine can.
//! The file's frames count from 0 as a camera's do.
//! Left to others: what is seen (`scene`).

use std::path::Path;
use std::sync::Arc;

use gst::prelude::*;

use crate::decode::run_to_end;
use crate::scene::Live;
use crate::{Error, FrameLog, Scene};

/// Writes `seconds` of the scene to `path`; the container follows from the name: `.mp4`, `.mkv` or `.ts`.
///
/// # Errors
/// [`Error::Scene`] for a scene that cannot be encoded or an unknown file name extension, [`Error::Gst`] when
/// GStreamer cannot write the file.
pub fn make_file(path: &Path, scene: &Scene, seconds: u32) -> Result<(), Error> {
    gst::init().map_err(|e| Error::gst("initialise", e))?;
    scene.check()?;
    let muxer = match path.extension().and_then(|extension| extension.to_str()) {
        Some("mp4") => "mp4mux",
        Some("mkv") => "matroskamux",
        Some("ts") => "mpegtsmux",
        _ => {
            let name = path.display();
            return Err(Error::Scene(format!("{name}: a test file is .mp4, .mkv or .ts")));
        }
    };
    let frames = Some(seconds * scene.frame_rate());
    let mut description =
        format!("{muxer} name=mux ! filesink name=file {} ! queue ! mux.", scene.video(Live::No, frames));
    if let Some(sound) = scene.sound(Live::No, frames) {
        description.push_str(&format!(" {sound} ! queue ! mux."));
    }
    let pipeline = gst::parse::launch(&description)
        .map_err(|e| Error::gst("build a file maker", e))?
        .downcast::<gst::Pipeline>()
        .map_err(|_| Error::gst("build a file maker", "not a pipeline"))?;
    let file = pipeline.by_name("file").ok_or_else(|| Error::gst("build a file maker", "no sink"))?;
    file.set_property("location", path);
    Scene::number_frames(pipeline.upcast_ref(), Arc::new(FrameLog::default()))?;
    run_to_end(&pipeline, path).map(drop)
}
