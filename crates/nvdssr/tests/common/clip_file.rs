//! Clips as files for the C programs: made beforehand, so that no encoder runs beside what is tested.
//! Pictures carry their numbers.
//! Left to others: playing them.

use std::path::{Path, PathBuf};

use testbed::{AudioCodec, Scene, make_file};

/// Frames from keyframe to keyframe, and per second.
pub const CLIP_GOP: u32 = 30;

/// Makes a clip of so many seconds with sound, and the description of a camera that plays it for testsr.
pub fn camera_of_clip(folder: &Path, seconds: u32) -> (PathBuf, String) {
    let clip = folder.join("clip.mp4");
    let scene = Scene::new().size(256, 96).gop(CLIP_GOP).audio(AudioCodec::Aac).without_text();
    make_file(&clip, &scene, seconds).unwrap();
    let description = format!(
        "filesrc location={} ! qtdemux name=d d.video_0 ! queue ! h264parse ! identity sync=true name=video \
         d.audio_0 ! queue ! aacparse ! identity sync=true name=audio",
        clip.display()
    );
    (clip, description)
}
