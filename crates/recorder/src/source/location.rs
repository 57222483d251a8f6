//! Where a source is: the three forms of an entry of `uri-list`, and how it is shown without its password.
//! Nothing is opened here.

use std::fmt;
use std::ops::Range;

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

/// The location for logs: passwords in it are shown as `***`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launch(description) => write!(f, "launch:{}", masked(description)),
            Self::Rtsp(uri) | Self::Uri(uri) => f.write_str(&without_password(uri)),
        }
    }
}

const MASK: &str = "***";

/// What the name of a password's property, or of its field in a URI's query, ends with. `pw` is for `user-pw` and
/// `proxy-pw` of GStreamer's network sources, `passphrase` for its SRT sources.
const SECRETS: [&str; 5] = ["pw", "pwd", "password", "passwd", "passphrase"];

/// A URI for logs: passwords in it are shown as `***`. For a text that is one URI and nothing else: it may contain
/// spaces.
fn without_password(uri: &str) -> String {
    let mut secrets = secret_values(uri);
    if let Some(mark) = uri.find("://") {
        secrets.extend(user_password(uri, mark + "://".len()..uri.len()));
    }
    with_mask(uri, secrets)
}

/// Any text for logs, e.g. a GStreamer description or an error's text: the password of each URI in it, and the value of
/// each property whose name ends in `-pw` or `password`, are shown as `***`. Where it is not clear how far a password
/// goes, too much is masked rather than too little.
pub fn masked(text: &str) -> String {
    let mut secrets = secret_values(text);
    for (mark, _) in text.match_indices("://") {
        let start = mark + "://".len();
        secrets.extend(user_password(text, start..uri_end(text, mark, start)));
    }
    with_mask(text, secrets)
}

/// Where the URI ends whose `://` is from `mark` to `start`: at a space; or, if it is in quotes, at the closing one,
/// whichever is further on, since a password may contain both.
fn uri_end(text: &str, mark: usize, start: usize) -> usize {
    let space = text[start..].find(char::is_whitespace).map_or(text.len(), |at| start + at);
    let before = text[..mark].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let quote = before.chars().next_back().filter(|c| "'\"`".contains(*c));
    let closing = quote.and_then(|quote| text[start..].find(quote)).map_or(start, |at| start + at);
    space.max(closing)
}

/// The password in `user:password@host`. What stands up to the last `@` is taken for user and password, since a
/// password may contain `/`, `:` and `@`.
fn user_password(text: &str, within: Range<usize>) -> Option<Range<usize>> {
    let end = within.start + text[within.clone()].rfind('@')?;
    let colon = within.start + text[within.start..end].find(':')?;
    Some(colon + 1..end)
}

/// The values of properties and of fields of a query that are passwords.
fn secret_values(text: &str) -> Vec<Range<usize>> {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRETS.iter().any(|end| name.ends_with(end))
    };
    text.match_indices('=')
        // GStreamer allows spaces around it.
        .filter(|(at, _)| is_secret(text[..*at].trim_end()))
        .map(|(at, _)| {
            let rest = &text[at + 1..];
            let start = at + 1 + (rest.len() - rest.trim_start().len());
            start..start + value_length(&text[start..])
        })
        .filter(|value| !value.is_empty())
        .collect()
}

/// How long the property's value is that `text` begins with: to the closing quote, or to a space without a backslash
/// before it (the rules of gst-launch-1.0). A type may stand before it, as in `(string)"a b"`.
fn value_length(text: &str) -> usize {
    let kind = text.strip_prefix('(').and_then(|rest| rest.find(')')).map_or(0, |at| at + "()".len());
    let value = &text[kind..];
    // Inside a quoted text the quotes have a backslash themselves.
    let opening = value.trim_start_matches('\\');
    let backslashes = value.len() - opening.len();
    if let Some(quote @ ('"' | '\'')) = opening.chars().next() {
        let delimiter = &value[..=backslashes];
        let content = &opening[quote.len_utf8()..];
        let closing = content
            .match_indices(delimiter)
            .find(|(at, _)| backslashes > 0 || !content[..*at].ends_with('\\'))
            .map_or(content.len(), |(at, _)| at + delimiter.len());
        return kind + delimiter.len() + closing;
    }
    let space = value.char_indices().find(|(at, c)| c.is_whitespace() && !value[..*at].ends_with('\\'));
    kind + space.map_or(value.len(), |(at, _)| at)
}

/// `text` with each of `secrets` replaced; those that overlap by one mask.
fn with_mask(text: &str, mut secrets: Vec<Range<usize>>) -> String {
    secrets.sort_by_key(|secret| secret.start);
    let mut shown = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets {
        if secret.start >= done {
            shown.push_str(&text[done..secret.start]);
            shown.push_str(MASK);
        }
        done = done.max(secret.end);
    }
    shown + &text[done..]
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
        for (location, shown) in [
            ("rtsp://admin:s3:c@ret@cam/1?x=y", "rtsp://admin:***@cam/1?x=y"),
            ("rtsp://u:p/w@cam/", "rtsp://u:***@cam/"),
            ("rtsp://u:p w@cam/", "rtsp://u:***@cam/"),
            ("rtsp://u:@cam/", "rtsp://u:***@cam/"),
            ("rtsp://me@mail.example:secret@cam/1", "rtsp://me@mail.example:***@cam/1"),
            ("https://cam/1?user=u&password=secret", "https://cam/1?user=u&password=***"),
            ("rtsp://cam/user=u_password=secret_channel=1.sdp", "rtsp://cam/user=u_password=***"),
            ("rtsp://admin@cam/1", "rtsp://admin@cam/1"),
            ("rtsp://cam:554/1", "rtsp://cam:554/1"),
            ("rtsp://cam", "rtsp://cam"),
            ("launch:videotestsrc pattern=ball ! x264enc", "launch:videotestsrc pattern=ball ! x264enc"),
            ("launch:rtspsrc location=rtsp://u:p/w@cam/1 ! a", "launch:rtspsrc location=rtsp://u:***@cam/1 ! a"),
            ("launch:s user-id=u user-pw=secret ! a", "launch:s user-id=u user-pw=*** ! a"),
            ("launch:s proxy-pw = secret proxy-id=u", "launch:s proxy-pw = *** proxy-id=u"),
            (r#"launch:s password="a \" b" ! c"#, "launch:s password=*** ! c"),
            ("launch:s password='a b' ! c", "launch:s password=*** ! c"),
            (r"launch:s user-pw=a\ b ! c", "launch:s user-pw=*** ! c"),
            (r#"launch:s user-pw=(string)"a b" ! c"#, "launch:s user-pw=*** ! c"),
            ("launch:s user-pw=\"never closed ! c", "launch:s user-pw=***"),
        ] {
            assert_eq!(Location::parse(location).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_text_is_masked_wherever_a_password_is_in_it() {
        for (text, shown) in [
            ("", ""),
            ("Could not open rtsp://u:p@cam/1 (404)", "Could not open rtsp://u:***@cam/1 (404)"),
            ("rtsp://u:p@a/1 and http://v:q@b/2", "rtsp://u:***@a/1 and http://v:***@b/2"),
            ("'rtsp://u:p w@cam/1' failed, ask me@home", "'rtsp://u:***@cam/1' failed, ask me@home"),
            ("'rtsp://u:p'w@cam/1' failed", "'rtsp://u:***@cam/1' failed"),
            (r#"in "s user-pw=\"a b\" ! c""#, r#"in "s user-pw=*** ! c""#),
            ("User-PW=Grün! ende", "User-PW=*** ende"),
            ("http://u:password=x@h/y", "http://u:***"),
            ("the password= ", "the password= "),
            ("no password: at 10:30 a@b = c", "no password: at 10:30 a@b = c"),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(&masked(text)), shown, "masked twice");
        }
    }
}
