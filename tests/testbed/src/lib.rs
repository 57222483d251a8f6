//! Cameras and judges for the tests and the demo: streams whose every frame carries its number, and checks that read it.
//! Here: RTSP cameras, test files, decoding judges, contact sheets, ways to wait for events and to run programs.
//! Left to others: what a test asserts; anything that records (this crate knows no part of the product).
#![forbid(unsafe_code)]

pub mod camera;
mod camera_clock;
pub mod contact_sheet;
pub mod counter;
mod decode;
pub mod error;
pub mod ffprobe;
pub mod file_source;
pub mod frame_log;
pub mod judge;
pub mod program;
pub mod recordbin_lib;
pub mod scene;
pub mod watch;

pub use camera::{RtspCamera, unreachable_url};
pub use contact_sheet::contact_sheet;
pub use error::Error;
pub use ffprobe::{Ffprobe, ffmpeg_frames, ffmpeg_sound, ffprobe};
pub use file_source::make_file;
pub use frame_log::FrameLog;
pub use judge::{Decoded, DecodedAudio, DecodedVideo, Frame, decode};
pub use program::Program;
pub use recordbin_lib::{recordbin_double, recordbin_libs};
pub use scene::{AudioCodec, Codec, Scene};
pub use tempfile::TempDir;
pub use watch::{DirWatch, JsonLines};

/// How long a wait may last before the test is called hung: a guard, never a measure of speed.
pub const HANG_GUARD: std::time::Duration = std::time::Duration::from_secs(120);

/// A new temporary folder, removed with everything in it when the value is dropped.
///
/// # Errors
/// [`Error::Io`] when the system's temporary folder is not writable.
pub fn temp_dir() -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix("smart-record-test-")
        .tempdir()
        .map_err(|source| Error::io("create a temporary folder", std::env::temp_dir(), source))
}
