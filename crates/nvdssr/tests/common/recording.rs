//! A recording as the callback got it: NvDsSRRecordingInfo, copied.
//! A null text fails the test: with our library there is none.
//! Left to others: what must be in it.

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::thread::ThreadId;

use nvdssr_sys::{NvDsSRContainerType, NvDsSRRecordingInfo};

/// What a callback was told.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What the start was called by.
    pub tag: u64,
    /// The address of the context.
    pub context: usize,
    /// The session's id.
    pub id: u32,
    /// The file's name without its folder; empty: there is no file.
    pub file: String,
    /// The folder.
    pub folder: PathBuf,
    /// Milliseconds.
    pub duration: u64,
    /// Whether it is Matroska.
    pub mkv: bool,
    /// Pixels, where there is video.
    pub size: Option<(u32, u32)>,
    /// Channels and sample rate in hertz, where there is audio.
    pub sound: Option<(u32, u32)>,
    /// The thread that the callback ran on.
    pub thread: ThreadId,
}

impl Recording {
    /// Copies what a callback was given.
    pub fn of(info: &NvDsSRRecordingInfo, tag: u64) -> Self {
        Self {
            tag,
            context: info.ctx as usize,
            id: info.sessionId,
            file: text(info.filename),
            folder: text(info.dirpath).into(),
            duration: info.duration,
            mkv: info.containerType == NvDsSRContainerType::NVDSSR_CONTAINER_MKV,
            size: (info.containsVideo != 0).then_some((info.width, info.height)),
            sound: (info.containsAudio != 0).then_some((info.channels, info.samplingRate)),
            thread: std::thread::current().id(),
        }
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.file)
    }

    /// It ended without a file.
    pub fn has_failed(&self) -> bool {
        self.duration == 0 && self.size.is_none() && self.sound.is_none()
    }

    /// The numbers of its pictures, decoded: none missing.
    pub fn pictures(&self) -> std::ops::RangeInclusive<u32> {
        let decoded = testbed::decode(&self.path()).unwrap();
        assert_eq!(decoded.warnings, Vec::<String>::new());
        decoded.video.unwrap().check_unbroken().unwrap()
    }

    /// Checks its figures against the file's, as FFmpeg sees them: 2 ms for times that are rounded.
    pub fn check_duration(&self) {
        let report = testbed::ffprobe(&self.path()).unwrap();
        assert_eq!(report.errors, Vec::<String>::new());
        let millis = report.duration_s.unwrap() * 1000.0;
        assert!((millis - self.duration as f64).abs() <= 2.0, "{} ms, and the file {millis} ms", self.duration);
    }
}

fn text(text: *const c_char) -> String {
    assert!(!text.is_null(), "a text is NULL");
    // SAFETY: the library's texts end with 0 and live until the callback returns.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

/// Every file of a folder that is no finished recording.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| !matches!(path.extension().and_then(|e| e.to_str()), Some("mp4" | "mkv"))).collect()
}
