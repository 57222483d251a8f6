//! Cuts a stream of bytes into lines of one JSON object each; memory stays bounded whatever comes.
//! Pure: the result does not depend on how the bytes were chunked.
//! It leaves reading to `fifo_reader`, the meaning of a line to `message`, and logging to the caller.

use serde::de::IgnoredAny;

/// Longest line in bytes, its end (LF or CR LF) not counted.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// One line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A JSON object in UTF-8, without the line's end.
    Json(Vec<u8>),
    /// Over [`MAX_LINE_BYTES`]: skipped up to the next line.
    TooLong,
    /// Not a JSON object, or not UTF-8: skipped.
    NotJson,
}

/// How many lines of each kind there were so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Lines handed on.
    pub json: u64,
    /// Lines skipped because of their length.
    pub too_long: u64,
    /// Lines skipped because of their content.
    pub not_json: u64,
}

/// What the bytes up to the next line end are for.
#[derive(Debug)]
enum State {
    /// They continue this line.
    Collecting(Vec<u8>),
    /// They belong to a line already reported as too long.
    Skipping,
}

impl Default for State {
    fn default() -> Self {
        Self::Collecting(Vec::new())
    }
}

/// Turns bytes into [`Line`]s. Holds at most one line of [`MAX_LINE_BYTES`].
#[derive(Debug, Default)]
pub struct LineSplitter {
    state: State,
    counters: Counters,
}

impl LineSplitter {
    /// A splitter at the beginning of a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines that `bytes` complete. What the iterator was not asked for is lost when it is dropped.
    #[must_use = "lines are cut only as the iterator is asked for them"]
    pub fn push<'a>(&'a mut self, mut bytes: &'a [u8]) -> impl Iterator<Item = Line> + 'a {
        std::iter::from_fn(move || {
            while !bytes.is_empty() {
                let (piece, ended) = match bytes.iter().position(|&byte| byte == b'\n') {
                    Some(end) => (&bytes[..end], true),
                    None => (bytes, false),
                };
                bytes = &bytes[piece.len() + usize::from(ended)..];
                if let Some(line) = self.take(piece, ended) {
                    return Some(line);
                }
            }
            None
        })
    }

    /// The last line where it has no line end; afterwards the splitter is at the beginning of a line.
    pub fn finish(&mut self) -> Option<Line> {
        self.take(&[], true)
    }

    /// Totals since the splitter was made.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The one transition: `piece` comes, and with it perhaps the line's end.
    fn take(&mut self, piece: &[u8], ended: bool) -> Option<Line> {
        let (next, line) = match std::mem::take(&mut self.state) {
            State::Skipping => (State::Skipping, None),
            // The one byte more is a CR that may turn out to be part of the line's end.
            State::Collecting(line) if line.len() + piece.len() > MAX_LINE_BYTES + 1 => {
                (State::Skipping, Some(Line::TooLong))
            }
            State::Collecting(mut line) => {
                line.extend_from_slice(piece);
                if ended { (State::default(), judge(line)) } else { (State::Collecting(line), None) }
            }
        };
        self.state = if ended { State::default() } else { next };
        match line {
            Some(Line::Json(_)) => self.counters.json += 1,
            Some(Line::TooLong) => self.counters.too_long += 1,
            Some(Line::NotJson) => self.counters.not_json += 1,
            None => {}
        }
        line
    }
}

/// What a whole line is; a blank one is nothing.
fn judge(mut line: Vec<u8>) -> Option<Line> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.len() > MAX_LINE_BYTES {
        Some(Line::TooLong)
    } else if line.trim_ascii().is_empty() {
        None
    } else if is_json_object(&line) {
        Some(Line::Json(line))
    } else {
        Some(Line::NotJson)
    }
}

fn is_json_object(line: &[u8]) -> bool {
    // serde_json does not look at the encoding of what it ignores.
    line.trim_ascii_start().first() == Some(&b'{')
        && std::str::from_utf8(line).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> (Vec<Line>, Counters) {
        let mut splitter = LineSplitter::new();
        let mut lines = Vec::new();
        for chunk in chunks {
            lines.extend(splitter.push(chunk));
        }
        lines.extend(splitter.finish());
        (lines, splitter.counters())
    }

    fn json(text: &str) -> Line {
        Line::Json(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_of_every_kind() {
        let (lines, counters) =
            split(&[b"{\"a\":1}\r\n\n  \r\nhello\n[1]\n{\xff}\n{\"\xff\":1}\n{\"b\":2} {}\n {\"c\":3} \n{\"d\":4}"]);
        assert_eq!(
            lines,
            [
                json("{\"a\":1}"),
                Line::NotJson,
                Line::NotJson,
                Line::NotJson,
                Line::NotJson,
                Line::NotJson,
                json(" {\"c\":3} "),
                json("{\"d\":4}"),
            ]
        );
        assert_eq!(counters, Counters { json: 3, too_long: 0, not_json: 5 });
    }

    /// A JSON object of exactly `bytes` bytes: `{"a":""}` has 8.
    fn object(bytes: usize) -> String {
        format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8))
    }

    #[test]
    fn the_length_limit_holds_to_the_byte() {
        let longest = object(MAX_LINE_BYTES);
        for end in ["\n", "\r\n", ""] {
            assert_eq!(split(&[format!("{longest}{end}").as_bytes()]).0, [json(&longest)]);
            let over = format!("{}{end}", object(MAX_LINE_BYTES + 1));
            assert_eq!(split(&[over.as_bytes()]).0, [Line::TooLong]);
        }
    }

    #[test]
    fn a_line_without_end_is_reported_once_and_not_kept() {
        let mut splitter = LineSplitter::new();
        let chunk = vec![b'x'; 10_000];
        let reported = (0..1000).map(|_| splitter.push(&chunk).count()).sum::<usize>();
        assert_eq!(reported, 1);
        assert!(matches!(splitter.state, State::Skipping), "the line is not kept");
        assert_eq!(splitter.push(b"\n{}\n").collect::<Vec<_>>(), [json("{}")]);
    }

    #[test]
    fn after_finish_a_new_line_begins() {
        let mut splitter = LineSplitter::new();
        assert_eq!(splitter.push(b"{\"a\"").count(), 0);
        assert_eq!(splitter.finish(), Some(Line::NotJson));
        assert_eq!(splitter.finish(), None);
        assert_eq!(splitter.push(b"{}\n").collect::<Vec<_>>(), [json("{}")]);
    }

    /// Short pieces that meet in all ways, and long ones around the limit.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["{", "}", "\n", "\r", "\r\n", "{}", "\"a\":1", " "])
                .prop_map(|text| text.as_bytes().to_vec()),
            2 => prop::collection::vec(any::<u8>(), 0..20),
            1 => (MAX_LINE_BYTES - 3..MAX_LINE_BYTES + 4).prop_map(|n| object(n).into_bytes()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(bytes in pieces(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.extend([0, bytes.len()]);
            ends.sort_unstable();
            let chunks: Vec<&[u8]> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();

            let (whole, counters) = split(&[&bytes]);
            prop_assert_eq!(split(&chunks), (whole.clone(), counters));
            let kept = whole.iter().filter(|line| matches!(line, Line::Json(_))).count() as u64;
            prop_assert_eq!(kept, counters.json);
            prop_assert_eq!(whole.len() as u64, counters.json + counters.too_long + counters.not_json);
        }
    }
}
