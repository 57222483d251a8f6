//! Which parser turns a codec into the form that a container takes, and whether the container then takes it.
//! Whoever brings a stream to a recordbin asks here: the sources, and the element of `nvdssr`.
//! Making and linking the parser is left to them.

/// The name of the parser for a codec; `None`: it has one form only.
pub fn parser_for(caps: &gst::CapsRef) -> Option<&'static str> {
    let structure = caps.structure(0)?;
    match structure.name().as_str() {
        "video/x-h264" => Some("h264parse"),
        "video/x-h265" => Some("h265parse"),
        "video/x-av1" => Some("av1parse"),
        "audio/x-opus" => Some("opusparse"),
        "audio/mpeg" => match structure.get::<i32>("mpegversion") {
            Ok(2 | 4) => Some("aacparse"),
            _ => Some("mpegaudioparse"),
        },
        _ => None,
    }
}

/// Debian's package that has the parser.
pub fn package_of(parser: &str) -> &'static str {
    match parser {
        "aacparse" | "mpegaudioparse" => "gstreamer1.0-plugins-good",
        _ => "gstreamer1.0-plugins-bad",
    }
}

/// Whether a muxer that takes `accepted` takes a stream, parsed if need be.
pub fn can_become(caps: &gst::Caps, parser: Option<&str>, accepted: &gst::Caps) -> bool {
    match parser.and_then(made_by) {
        // The parser changes the form, not the codec.
        Some(made) => made.can_intersect(accepted),
        None => caps.can_intersect(accepted),
    }
}

/// What comes out of a parser; `None`: it is not installed.
fn made_by(parser: &str) -> Option<gst::Caps> {
    let factory = gst::ElementFactory::find(parser)?;
    let templates = factory.static_pad_templates().into_iter();
    let caps =
        templates.filter(|template| template.direction() == gst::PadDirection::Src).map(|template| template.caps());
    Some(caps.fold(gst::Caps::new_empty(), |mut all, caps| {
        all.merge(caps);
        all
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Container;
    use crate::core::Stream;

    #[test]
    fn a_codec_may_come_in_any_form_and_stays_what_it_is() {
        gst::init().unwrap();
        let takes = |container: Container, stream, caps: &str| {
            let caps = caps.parse::<gst::Caps>().unwrap();
            can_become(&caps, parser_for(&caps), &container.accepts(stream).unwrap())
        };
        for container in [Container::Mp4, Container::Mkv] {
            assert!(takes(container, Stream::Video, "video/x-h264,stream-format=byte-stream,alignment=nal"));
            assert!(takes(container, Stream::Video, "video/x-h265,stream-format=byte-stream,alignment=au"));
            assert!(takes(container, Stream::Audio, "audio/mpeg,mpegversion=4,stream-format=adts"));
            assert!(!takes(container, Stream::Video, "video/x-raw"));
        }
        assert!(!takes(Container::Mp4, Stream::Video, "image/jpeg"));
        assert!(!takes(Container::Mp4, Stream::Audio, "audio/x-mulaw"));
    }

    #[test]
    fn a_parser_is_found_by_what_the_stream_is() {
        let parser = |caps: &str| parser_for(&caps.parse::<gst::Caps>().unwrap());
        gst::init().unwrap();
        assert_eq!(parser("video/x-h264"), Some("h264parse"));
        assert_eq!(parser("audio/mpeg,mpegversion=2"), Some("aacparse"));
        assert_eq!(parser("audio/mpeg,mpegversion=1"), Some("mpegaudioparse"));
        assert_eq!(parser("image/jpeg"), None);
    }
}
