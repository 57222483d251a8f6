//! What an import has to tell: one line for each thing that was not taken over, or is different afterwards.
//! A line is a loss when recordings or triggers differ from DeepStream's for it; the others are for information.
//! It leaves printing, and the exit status that losses give, to `import`.

use std::fmt;

/// The lines, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

/// A line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Something is missing or different in the graph.
    pub loss: bool,
    /// Group, key, and what there is to say; no values, which may have a password in them.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.loss { "not taken over" } else { "note" };
        write!(f, "{kind}: {}", self.text)
    }
}

impl Report {
    /// Something that the graph does not do as DeepStream does.
    pub fn loss(&mut self, group: &str, key: &str, reason: impl fmt::Display) {
        self.lines.push(Line { loss: true, text: place(group, key, &reason) });
    }

    /// Something that makes no difference to recordings, or that is better so.
    pub fn note(&mut self, group: &str, key: &str, reason: impl fmt::Display) {
        self.lines.push(Line { loss: false, text: place(group, key, &reason) });
    }

    /// A line from another report.
    pub fn again(&mut self, line: &Line) {
        self.lines.push(line.clone());
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether anything was lost.
    pub fn has_losses(&self) -> bool {
        self.lines.iter().any(|line| line.loss)
    }
}

fn place(group: &str, key: &str, reason: &dyn fmt::Display) -> String {
    let (group, key) = (shown(group), shown(key));
    let text = match (group.as_str(), key.as_str()) {
        ("", _) => reason.to_string(),
        (group, "") => format!("[{group}]: {reason}"),
        (group, key) => format!("[{group}] {key}: {reason}"),
    };
    one_line(&text)
}

/// A name of the file's, cut to a readable length.
pub fn shown(name: &str) -> String {
    const MOST: usize = 64;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// Without control characters, which foreign text may have.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, "?")
}
