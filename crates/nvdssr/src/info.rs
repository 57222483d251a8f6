//! `NvDsSRRecordingInfo`: what a callback learns of a recording, from its done or failed record.
//! Calling back is left to `api`.

use std::ffi::{CStr, CString};
use std::path::Path;

use gst::glib::ffi::{GFALSE, GTRUE, gboolean};
use nvdssr_sys::{NvDsSRContainerType, NvDsSRRecordingInfo};
use recorder::Container;
use recorder::record::FileRecord;

use crate::context::{Context, Ended};

/// Where programs that join folder and file name find files of contexts without a folder.
const CURRENT: &CStr = c".";

/// The record and what it points to.
pub(crate) struct Info {
    raw: NvDsSRRecordingInfo,
    _filename: CString,
}

impl Info {
    pub(crate) fn new(context: &Context, ended: &Ended) -> Self {
        let (file, figures) = match &ended.record {
            Ok(done) => (Some(done.file.as_path()), done.files.first()),
            Err(failed) => (failed.file.as_deref(), None),
        };
        let filename = file.map(name_of).unwrap_or_default();
        let video = figures.and_then(|file| file.video.as_ref());
        let audio = figures.and_then(|file| file.audio.as_ref());
        let size = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
        let dir = context.public().dir();
        let raw = NvDsSRRecordingInfo {
            ctx: context.public().as_ptr(),
            sessionId: ended.id,
            filename: filename.as_ptr().cast_mut(),
            dirpath: if dir.is_null() { CURRENT.as_ptr().cast_mut() } else { dir },
            duration: figures.map_or(0, milliseconds),
            containerType: container_type(context.container()),
            width: size(video.and_then(|video| video.width)),
            height: size(video.and_then(|video| video.height)),
            containsVideo: flag(video.is_some()),
            channels: size(audio.and_then(|audio| audio.channels)),
            samplingRate: size(audio.and_then(|audio| audio.rate)),
            containsAudio: flag(audio.is_some()),
        };
        Self { raw, _filename: filename }
    }

    /// For the callback; good as long as `self`.
    pub(crate) fn as_ptr(&mut self) -> *mut NvDsSRRecordingInfo {
        &mut self.raw
    }
}

fn flag(value: bool) -> gboolean {
    if value { GTRUE } else { GFALSE }
}

fn name_of(file: &Path) -> CString {
    let name = file.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default();
    // Paths that have been opened have no NUL in them.
    CString::new(name).unwrap_or_default()
}

/// How long a player takes for a file.
fn milliseconds(file: &FileRecord) -> u64 {
    let shown = file.presented.unwrap_or(file.actual).running();
    u64::try_from(shown.end.since(shown.start).as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn container_type(container: Container) -> NvDsSRContainerType {
    match container {
        Container::Mp4 => NvDsSRContainerType::NVDSSR_CONTAINER_MP4,
        Container::Mkv => NvDsSRContainerType::NVDSSR_CONTAINER_MKV,
    }
}
