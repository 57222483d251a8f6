//! The log of the program testsr: a line for each recording, numbers first.
//! Format: number:session:width:height:milliseconds:channels:rate:folder:file.
//! Left to others: what must be in it.

use std::path::{Path, PathBuf};

/// A line of the log.
#[derive(Debug)]
pub struct Line {
    /// Of the start, from 0.
    pub number: u64,
    /// Width, height, channels, sample rate.
    pub figures: [u32; 4],
    /// Milliseconds.
    pub duration: u64,
    /// The file, as the program sees it.
    pub path: PathBuf,
}

/// Reads a log; folders that are not absolute are meant from `folder`.
pub fn read_log(log: &Path, folder: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()));
    let mut lines: Vec<_> = text.lines().map(|line| parse(line, folder)).collect();
    lines.sort_by_key(|line| line.number);
    lines
}

fn parse(line: &str, folder: &Path) -> Line {
    let fields: Vec<_> = line.splitn(9, ':').collect();
    let number = |index: usize| fields[index].parse::<u64>().unwrap_or_else(|e| panic!("{line}: {e}"));
    Line {
        number: number(0),
        figures: [2, 3, 5, 6].map(|index| number(index) as u32),
        duration: number(4),
        path: folder.join(fields[7]).join(fields[8]),
    }
}
