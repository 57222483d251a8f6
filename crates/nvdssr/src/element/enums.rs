//! The element's enumerated properties as GLib types. Values and nicks are those of nvurisrcbin where it has them.
//! What they mean is left to `properties`.

use gst::glib;
use recorder::Container;
use recorder::core::Overlap;

/// `smart-record`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstNvDsSmartRecordTriggers")]
#[repr(i32)]
pub(super) enum Triggers {
    /// 0.
    #[enum_value(name = "Off: nothing is cached, every start is rejected", nick = "smart-rec-disable")]
    Off = 0,
    /// 1.
    #[default]
    #[enum_value(name = "Signals start and stop recordings", nick = "smart-rec-cloud")]
    Signals = 1,
    /// 2.
    #[enum_value(name = "Signals and local events, one every smart-rec-interval", nick = "smart-rec-multi")]
    SignalsAndLocalEvents = 2,
}

/// `smart-rec-container`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstNvDsSmartRecordContainer")]
#[repr(i32)]
pub(super) enum ContainerType {
    /// 0.
    #[default]
    #[enum_value(name = "MP4", nick = "smart-rec-mp4")]
    Mp4 = 0,
    /// 1.
    #[enum_value(name = "Matroska, which takes more formats", nick = "smart-rec-mkv")]
    Mkv = 1,
}

impl From<ContainerType> for Container {
    fn from(container: ContainerType) -> Self {
        match container {
            ContainerType::Mp4 => Self::Mp4,
            ContainerType::Mkv => Self::Mkv,
        }
    }
}

/// `smart-rec-mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstNvDsSmartRecordMode")]
#[repr(i32)]
pub(super) enum Mode {
    /// 0.
    #[default]
    #[enum_value(name = "Audio and video", nick = "smart-rec-mode-av")]
    AudioAndVideo = 0,
    /// 1.
    #[enum_value(name = "Video only", nick = "smart-rec-mode-video")]
    VideoOnly = 1,
    /// 2.
    #[enum_value(name = "Audio only", nick = "smart-rec-mode-audio")]
    AudioOnly = 2,
}

/// `smart-rec-overlap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstNvDsSmartRecordOverlap")]
#[repr(i32)]
pub(super) enum OverlapPolicy {
    /// 0.
    #[default]
    #[enum_value(name = "A file of its own for each start", nick = "separate")]
    Separate = 0,
    /// 1.
    #[enum_value(name = "The running recording goes on to the new end, if the two intervals touch", nick = "extend")]
    Extend = 1,
    /// 2.
    #[enum_value(name = "As extend, and it begins earlier too, as far as the cache allows", nick = "merge")]
    Merge = 2,
    /// 3.
    #[enum_value(name = "The start is rejected, as NVIDIA's library does", nick = "reject")]
    Reject = 3,
}

impl From<OverlapPolicy> for Overlap {
    fn from(policy: OverlapPolicy) -> Self {
        match policy {
            OverlapPolicy::Separate => Self::Separate,
            OverlapPolicy::Extend => Self::Extend,
            OverlapPolicy::Merge => Self::Merge,
            OverlapPolicy::Reject => Self::Reject,
        }
    }
}
