//! Where a source is: the three forms of an entry of `uri-list`, and how it is shown without its password.
//! Nothing is opened here.

use std::fmt;

/// Kinds of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `rtsp://`, `rtspt://` and their TLS forms.
    Rtsp(String),
    /// `http://`, `https://`, `file://`.
    Uri(String),
    /// A GStreamer description that ends in encoded streams.
    Launch(String),
}

impl Location {
    /// Reads one entry of `uri-list`.
    ///
    /// # Errors
    /// What is allowed, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(description) = text.strip_prefix("launch:") {
            if description.trim().is_empty() {
                return Err("'launch:' must be followed by a GStreamer description that ends in encoded video".into());
            }
            return Ok(Self::Launch(description.trim().into()));
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("rtsp" | "rtspt" | "rtsps" | "rtspst") => Ok(Self::Rtsp(text.into())),
            Some("file" | "http" | "https") => Ok(Self::Uri(text.into())),
            _ => Err("rtsp://, rtspt://, http://, https://, file:// and launch: are allowed".into()),
        }
    }
}

/// The location for logs: a password in it is shown as `***`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launch(description) => write!(f, "launch:{description}"),
            Self::Rtsp(uri) | Self::Uri(uri) => f.write_str(&without_password(uri)),
        }
    }
}

/// A URI for logs: a password in it is shown as `***`.
pub fn without_password(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.into() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:***@{host}{path}"),
        None => uri.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form_and_refuses_others() {
        assert_eq!(Location::parse(" rtsp://h/1 "), Ok(Location::Rtsp("rtsp://h/1".into())));
        assert_eq!(Location::parse("RTSPT://h"), Ok(Location::Rtsp("RTSPT://h".into())));
        assert_eq!(Location::parse("file:///a.mp4"), Ok(Location::Uri("file:///a.mp4".into())));
        assert_eq!(Location::parse("launch: a ! b"), Ok(Location::Launch("a ! b".into())));
        for bad in ["", "launch:", "/a.mp4", "ftp://x", "rtsp:/x"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = |uri: &str| Location::parse(uri).unwrap().to_string();
        assert_eq!(shown("rtsp://admin:s3:c@ret@cam/1?x=y"), "rtsp://admin:***@cam/1?x=y");
        assert_eq!(shown("rtsp://admin@cam/a:b@c"), "rtsp://admin@cam/a:b@c");
        assert_eq!(shown("rtsp://cam"), "rtsp://cam");
    }
}
