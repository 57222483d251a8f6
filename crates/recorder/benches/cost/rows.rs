//! A benchmark's figures for the one table of `make bench`: lines of JSON, appended to the file that BENCH_ROWS names.
//! Without the variable nothing is written; what a benchmark prints for people is its own.
//! Making a table of them is left to benches/table.rs.
#![allow(dead_code, clippy::unwrap_used)] // Each benchmark uses a part; a file that cannot be written fails it.

use std::io::Write;

use serde_json::{Value, json};

use super::meter::Median;

/// Whose figure it is.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// This repository's.
    Ours,
    /// What it is compared with and cannot, or need not, be beaten: its name.
    Floor(&'a str),
    /// Another way to do the same: its name, the head of a column.
    Other(&'a str),
}

/// What has become of a promise.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// The promise, in words.
    pub promised: &'a str,
    /// Whether it is kept in this run.
    pub kept: bool,
    /// What else belongs to the answer; empty: nothing.
    pub note: &'a str,
}

/// A line of the table: what is measured, with its unit, and the number of sources if that counts.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    what: &'a str,
    sources: Option<usize>,
}

impl<'a> Row<'a> {
    /// One for which the number of sources says nothing.
    pub fn new(what: &'a str) -> Self {
        Self { what, sources: None }
    }

    /// One at so many sources.
    pub fn at(what: &'a str, sources: usize) -> Self {
        Self { what, sources: Some(sources) }
    }

    /// A figure of it.
    pub fn figure(self, who: Who<'_>, value: Median) -> Self {
        let (who, name) = match who {
            Who::Ours => ("ours", None),
            Who::Floor(name) => ("floor", Some(name)),
            Who::Other(name) => ("other", Some(name)),
        };
        self.write(json!({ "who": who, "name": name, "value": spread(value) }));
        self
    }

    /// What ours is to the floor.
    pub fn ratio(self, ratio: Median) -> Self {
        self.write(json!({ "ratio": spread(ratio) }));
        self
    }

    /// What was promised of it.
    pub fn verdict(self, verdict: Verdict<'_>) {
        self.write(json!({ "promised": verdict.promised, "kept": verdict.kept, "note": verdict.note }));
    }

    fn write(self, mut line: Value) {
        let Some(file) = std::env::var_os("BENCH_ROWS").filter(|file| !file.is_empty()) else { return };
        line["what"] = json!(self.what);
        line["sources"] = json!(self.sources);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

fn spread(value: Median) -> Value {
    json!([value.median, value.range.0, value.range.1])
}
