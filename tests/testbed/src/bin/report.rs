//! Waits for recordings, then shows what was asked for beside what is in the files.
//! Asked and actual interval come from the sidecars; frames are counted by decoding, so that the table is no mere echo.
//! Left to others: making the recordings; the contact sheet (`contact-sheet`).

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use serde::Deserialize;
use testbed::watch::files_with_extension;
use testbed::{Decoded, DirWatch, Error, decode};

/// Prints a table of a folder's recordings: asked and actual interval, and what decoding them shows.
#[derive(Parser)]
struct Options {
    /// Folder with the recordings and their sidecars
    folder: PathBuf,
    /// Wait until so many recordings are complete
    #[arg(long, default_value_t = 0)]
    wait_for: usize,
    /// Give up waiting after so many seconds
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

/// The members of a sidecar that the table shows (design.md, rule 7).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sidecar {
    #[serde(default)]
    id: Option<String>,
    asked: Times,
    actual: Times,
    lead_ns: u64,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Times {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("report: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every recording covers what was asked of it without a missing frame.
fn run(options: &Options) -> Result<bool, Error> {
    let folder = &options.folder;
    let patience = Duration::from_secs(options.patience);
    // A sidecar appears after its recording is complete.
    let sidecars = if options.wait_for > 0 {
        DirWatch::new(folder)?.wait_for_files("json", options.wait_for, patience)?
    } else {
        files_with_extension(folder, "json")
    };
    let mut rows = vec![HEADER.map(str::to_owned)];
    let mut remarks = Vec::new();
    let mut sound = true;
    for (index, path) in sidecars.iter().enumerate() {
        let (number, recording) = (index + 1, path.with_extension(""));
        let sidecar = read(path)?;
        let frames = frames(&decode(&recording)?);
        sound &= frames.is_ok() && covers(&sidecar);
        remarks.push(format!("{number}: {}", recording.display()));
        remarks.extend(sidecar.notes.iter().map(|note| format!("   {note}")));
        if !covers(&sidecar) {
            remarks.push("   it does not cover the asked interval".to_owned());
        }
        rows.push(row(number, &sidecar, &frames.unwrap_or_else(|fault| format!("BROKEN: {fault}"))));
    }
    print_table(&rows);
    println!();
    remarks.iter().for_each(|remark| println!("{remark}"));
    Ok(sound && !sidecars.is_empty())
}

fn read(path: &Path) -> Result<Sidecar, Error> {
    let fault = |fault: String| Error::Recording { path: path.to_owned(), fault };
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| fault(format!("not a sidecar: {e}")))
}

/// Whether the file holds all of the asked interval, as far as both are known in UTC.
fn covers(sidecar: &Sidecar) -> bool {
    let (asked, actual) = (&sidecar.asked, &sidecar.actual);
    let known = asked.start.zip(asked.end).zip(actual.start.zip(actual.end));
    known.is_some_and(|((from, to), (start, end))| start <= from && end >= to)
}

/// The counters in the pictures, decoded, and the sound.
fn frames(recording: &Decoded) -> Result<String, Error> {
    let video = recording.video()?;
    let counters = video.check_unbroken()?;
    let sound = match &recording.audio {
        Some(audio) => format!("{:.2} s of sound", (audio.end_ns - audio.first_ns) as f64 / 1e9),
        None => "no sound".to_owned(),
    };
    Ok(format!("{} ({} to {}, none missing), {sound}", video.frames.len(), counters.start(), counters.end()))
}

const HEADER: [&str; 6] = ["", "event", "asked (UTC)", "in the file (UTC)", "lead", "frames, decoded"];

fn row(number: usize, sidecar: &Sidecar, frames: &str) -> [String; 6] {
    [
        number.to_string(),
        sidecar.id.clone().unwrap_or_else(|| "-".to_owned()),
        interval(&sidecar.asked),
        interval(&sidecar.actual),
        format!("{:.3} s", sidecar.lead_ns as f64 / 1e9),
        frames.to_owned(),
    ]
}

/// Times of day and length: what one compares by eye.
fn interval(times: &Times) -> String {
    let time = |at: Timestamp| at.strftime("%H:%M:%S%.3f").to_string();
    match (times.start, times.end) {
        (Some(start), Some(end)) => {
            let length = end.duration_since(start).as_secs_f64();
            format!("{} to {} ({length:.3} s)", time(start), time(end))
        }
        (Some(start), None) => format!("{} to ?", time(start)),
        (None, Some(end)) => format!("? to {}", time(end)),
        (None, None) => "unknown".to_owned(),
    }
}

fn print_table<const N: usize>(rows: &[[String; N]]) {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
