//! The element's pad templates: what the containers take, in any form that a parser can make it from.
//! They are the same whatever is installed; what a container really takes, its muxer says when the element runs.
//! The pads themselves are left to `input`.

use std::sync::LazyLock;

use recorder::core::Stream;

use super::input::names;

/// What mp4mux and matroskamux take beside raw media, without its details: what they are, the muxers know better.
const VIDEO: &str = "video/x-h264; video/x-h265; video/x-av1; video/x-vp8; video/x-vp9; image/jpeg; \
    video/mpeg, mpegversion=(int){ 1, 2, 4 }, systemstream=(boolean)false; video/x-prores; video/x-ffv; video/x-divx; \
    video/x-h263; video/x-msmpeg; video/x-theora; video/x-dirac; video/x-huffyuv; video/x-dv; video/x-pn-realvideo; \
    video/x-wmv; video/x-mp4-part";
const AUDIO: &str = "audio/mpeg, mpegversion=(int){ 1, 2, 4 }; audio/x-opus; audio/x-ac3; audio/x-eac3; audio/x-dts; \
    audio/x-alac; audio/x-flac; audio/x-vorbis; audio/x-speex; audio/x-mulaw; audio/x-alaw; audio/x-adpcm; audio/G722; \
    audio/x-tta; audio/x-wma; audio/x-pn-realaudio";

/// All of them; video first, as it is what links without a pad's name are for.
pub(super) static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
    use gst::{PadDirection, PadPresence, PadTemplate};
    let streams = [(Stream::Video, VIDEO), (Stream::Audio, AUDIO)];
    let templates = streams.into_iter().filter_map(|(stream, caps)| {
        // The texts above are caps.
        let caps = caps.parse::<gst::Caps>().ok()?;
        let (sink, src) = names(stream);
        let sink = PadTemplate::new(sink, PadDirection::Sink, PadPresence::Always, &caps).ok()?;
        Some([sink, PadTemplate::new(src, PadDirection::Src, PadPresence::Request, &caps).ok()?])
    });
    templates.flatten().collect()
});

#[cfg(test)]
mod tests {
    use recorder::Container;

    use super::*;

    #[test]
    fn whatever_a_muxer_takes_can_be_linked() {
        gst::init().unwrap();
        assert_eq!(TEMPLATES.len(), 4);
        for container in [Container::Mp4, Container::Mkv] {
            for stream in [Stream::Video, Stream::Audio] {
                let template = TEMPLATES.iter().find(|template| template.name_template() == names(stream).0).unwrap();
                for taken in container.accepts(stream).unwrap().iter() {
                    let caps = gst::Caps::from(taken.to_owned());
                    assert!(caps.is_subset(template.caps()), "{container} takes {caps}");
                }
            }
        }
    }
}
