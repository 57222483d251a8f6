//! The file formats that recordings are written in, and what each of them takes as it is.
//! Which streams a source has is left to `source`, the writing to the writer.

use std::fmt;

use gst::prelude::*;

use crate::Error;
use crate::core::Stream;

/// A file format (`smart-rec-container`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// MP4, by mp4mux.
    Mp4,
    /// Matroska, by matroskamux.
    Mkv,
}

impl Container {
    /// Ending of file names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mkv => "mkv",
        }
    }

    /// The muxer's factory.
    fn factory(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4mux",
            Self::Mkv => "matroskamux",
        }
    }

    /// A muxer, set up for files that can be played while they are written and are ordinary ones when finished.
    ///
    /// # Errors
    /// When the plugin is not installed.
    pub(crate) fn muxer(self) -> Result<gst::Element, Error> {
        let builder = gst::ElementFactory::make(self.factory());
        let builder = match self {
            // Fragments while writing, one ordinary moov at the end (facts/gstreamer.md, 1.22.0). Half a second each: what
            // has not been written when the process is killed, the muxer's next frame included, stays under a second.
            Self::Mp4 => builder
                .property("fragment-duration", 500u32)
                .property_from_str("fragment-mode", "first-moov-then-finalise"),
            Self::Mkv => builder,
        };
        let muxer = builder.build().map_err(|_| self.missing())?;
        // A muxer with a thread of its own (mp4mux since 1.20) takes one buffer at a time and has its feeder wait for the
        // next: two thread switches for each frame. Without a live source this is how much it may have before it.
        if muxer.has_property_with_type("latency", u64::static_type()) {
            muxer.set_property("latency", gst::ClockTime::from_mseconds(500).nseconds());
        }
        Ok(muxer)
    }

    /// Files can say which part of them players are to show (edit lists).
    pub fn can_present(self) -> bool {
        self == Self::Mp4
    }

    /// At the end the muxer makes an ordinary file of what was fragments, by writing over its head.
    pub(crate) fn is_finalised_in_place(self) -> bool {
        self == Self::Mp4
    }

    /// The factory of what takes its files apart.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "qtdemux",
            Self::Mkv => "matroskademux",
        }
    }

    fn missing(self) -> Error {
        Error::MissingElement { element: self.factory(), package: "gstreamer1.0-plugins-good" }
    }

    /// The formats of a stream that the muxer takes, raw media left out: a recording is of encoded streams.
    ///
    /// # Errors
    /// When the plugin is not installed.
    pub fn accepts(self, stream: Stream) -> Result<gst::Caps, Error> {
        let factory = gst::ElementFactory::find(self.factory()).ok_or_else(|| self.missing())?;
        let prefix = stream.name();
        let template = factory
            .static_pad_templates()
            .into_iter()
            .find(|template| template.name_template().starts_with(prefix))
            .ok_or_else(|| self.missing())?;
        Ok(template
            .caps()
            .iter()
            .filter(|structure| !matches!(structure.name().as_str(), "video/x-raw" | "audio/x-raw"))
            .map(ToOwned::to_owned)
            .collect())
    }
}

/// `MP4`, `MKV`.
impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp4 => "MP4",
            Self::Mkv => "MKV",
        })
    }
}

/// The name that people use for a codec, from its caps: `H.264` for `video/x-h264`.
pub fn codec_name(caps: &gst::CapsRef) -> String {
    let Some(structure) = caps.structure(0) else { return "nothing".into() };
    match structure.name().as_str() {
        "video/x-h264" => "H.264".into(),
        "video/x-h265" => "H.265".into(),
        "video/x-av1" => "AV1".into(),
        "video/x-vp8" => "VP8".into(),
        "video/x-vp9" => "VP9".into(),
        "image/jpeg" => "JPEG".into(),
        "audio/x-opus" => "Opus".into(),
        "audio/x-mulaw" => "G.711 mu-law".into(),
        "audio/x-alaw" => "G.711 A-law".into(),
        "audio/mpeg" => match structure.get::<i32>("mpegversion") {
            Ok(2 | 4) => "AAC".into(),
            _ => "MPEG audio".into(),
        },
        other => other.into(),
    }
}

/// Why a container does not take a stream, and what to do.
pub fn refusal(container: Container, stream: Stream, caps: &gst::CapsRef) -> String {
    let advice = match (container, stream) {
        (Container::Mp4, Stream::Video) => "set smart-rec-container to 1 (MKV), which takes more formats",
        (Container::Mp4, Stream::Audio) => "set smart-rec-container to 1 (MKV) or smart-rec-mode to 1 (video only)",
        (Container::Mkv, Stream::Video) => "configure the camera for H.264 or H.265",
        (Container::Mkv, Stream::Audio) => "set smart-rec-mode to 1 (video only)",
    };
    format!("{container} cannot hold the {} stream ({}): {advice}", stream.name(), codec_name(caps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_container_takes_what_its_muxer_takes() {
        gst::init().unwrap();
        let takes = |container: Container, stream, caps: &str| {
            container.accepts(stream).unwrap().can_intersect(&caps.parse::<gst::Caps>().unwrap())
        };
        for container in [Container::Mp4, Container::Mkv] {
            assert!(takes(container, Stream::Video, "video/x-h264,stream-format=avc,alignment=au"));
            assert!(takes(container, Stream::Video, "video/x-h265,stream-format=hvc1,alignment=au"));
            assert!(takes(container, Stream::Audio, "audio/mpeg,mpegversion=4,stream-format=raw"));
            assert!(takes(container, Stream::Audio, "audio/x-opus"));
            assert!(!takes(container, Stream::Video, "video/x-raw"));
            assert!(!takes(container, Stream::Audio, "audio/x-raw"));
        }
        assert!(!takes(Container::Mp4, Stream::Audio, "audio/x-mulaw"));
        assert!(takes(Container::Mkv, Stream::Audio, "audio/x-mulaw,rate=8000,channels=1"));
    }
}
