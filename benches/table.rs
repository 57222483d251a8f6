//! Joins the rows that benchmarks have written into the one table of `make bench`, in Markdown: what is measured, ours,
//! the floor, what is promised and whether it is kept, and the others. scripts/bench calls it last:
//! `table <rows> <load before> <missing>... [--write]`. `--write` also puts it into README.md and docs/performance.md if
//! nothing is missing, and what `scale` has printed into docs/scale.md.
//! Measuring is left to the other benchmarks, the rows' form to crates/recorder/benches/cost/rows.rs.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;

use common::meter;
use serde_json::Value;

mod common;

/// Where text made here begins and ends in a page.
const MARKS: (&str, &str) = ("<!-- begin: written by make bench WRITE=yes -->\n", "<!-- end -->\n");

/// A line of the table.
struct Line {
    what: String,
    sources: Option<u64>,
    ours: String,
    floor: String,
    ratio: String,
    promised: String,
    kept: String,
    others: Vec<(String, String)>,
}

/// As exact as three digits are.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        value if value < 0.095 => format!("{value:.3}"),
        value if value < 9.95 => format!("{value:.2}"),
        value if value < 99.5 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A median and what it lies between, or a number.
fn spread(value: &Value, unit: &str) -> String {
    let part = |index: usize| short(value[index].as_f64().unwrap());
    if value[1] == value[2] {
        return format!("{}{unit}", part(0));
    }
    format!("{}{unit} ({}–{})", part(0), part(1), part(2))
}

/// The lines, in the order in which they were first heard of.
fn lines(rows: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (what, sources) = (row["what"].as_str().unwrap(), row["sources"].as_u64());
        let known = lines.iter().position(|line| line.what == what && line.sources == sources);
        let index = known.unwrap_or_else(|| {
            let empty = String::new;
            let (ours, floor, ratio, promised, kept) = (empty(), empty(), empty(), empty(), empty());
            lines.push(Line { what: what.to_owned(), sources, ours, floor, ratio, promised, kept, others: Vec::new() });
            lines.len() - 1
        });
        let line = &mut lines[index];
        if let Some(who) = row["who"].as_str() {
            let value = spread(&row["value"], "");
            let name = row["name"].as_str().unwrap_or_default();
            match who {
                "ours" => line.ours = value,
                "floor" => line.floor = format!("{value}, {name}"),
                _ => line.others.push((name.to_owned(), value)),
            }
        } else if row["ratio"].is_array() {
            line.ratio = spread(&row["ratio"], "×");
        } else {
            let note = row["note"].as_str().filter(|note| !note.is_empty()).map(|note| format!("; {note}"));
            let kept = if row["kept"] == true { "yes" } else { "**no**" };
            line.promised = row["promised"].as_str().unwrap().to_owned();
            line.kept = format!("{kept}{}", note.unwrap_or_default());
        }
    }
    // One kind of figure after the other, each by the number of sources.
    let order: Vec<String> = lines.iter().map(|line| line.what.clone()).collect();
    lines.sort_by_key(|line| (order.iter().position(|what| *what == line.what), line.sources));
    lines
}

/// As Markdown.
fn table(lines: &[Line]) -> String {
    let mut others: Vec<&str> = Vec::new();
    for (name, _) in lines.iter().flat_map(|line| &line.others) {
        if !others.contains(&name.as_str()) {
            others.push(name);
        }
    }
    let head = ["what", "sources", "ours", "limit or floor", "ours to it", "promised", "kept"];
    let mut text = String::new();
    let mut row = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<&str> = cells.collect();
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    };
    row(&mut head.into_iter().chain(others.iter().copied()));
    row(&mut std::iter::repeat_n("---", head.len() + others.len()));
    for line in lines {
        let sources = line.sources.map(|sources| sources.to_string()).unwrap_or_default();
        let own = [&line.what, &sources, &line.ours, &line.floor, &line.ratio, &line.promised, &line.kept];
        let theirs = others
            .iter()
            .map(|name| line.others.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str()));
        row(&mut own.into_iter().map(String::as_str).chain(theirs));
    }
    text
}

/// What was measured on, with what, and what is not there.
fn about(load: &str, missing: &[String]) -> String {
    let gxf = gxf::Runtime::load(None).and_then(|runtime| runtime.version());
    let gxf = gxf.map_or_else(|error| format!("no GXF ({error})"), |version| format!("GXF {version}"));
    let peer = match std::env::var("NVDSSR_PEER") {
        Ok(peer) if !peer.is_empty() => String::new(),
        _ => "\n\nNVIDIA's recordbin was not there: NVDSSR_PEER names no library.".to_owned(),
    };
    let missing = match missing {
        [] => String::new(),
        missing => {
            format!("\n\n**Not in this table, since they failed or were not asked for: {}.**", missing.join(", "))
        }
    };
    let commit = std::env::var("BENCH_COMMIT").map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!(
        "{}, release build{commit}; load {load} before.\n{}, {gxf}.\nMedians (least–greatest); ratios are of figures taken in \
         turn in one run.{peer}{missing}",
        jiff::Zoned::now().date(),
        meter::machine_alone(),
    )
}

/// Puts text between the marks of a page.
fn put(page: &Path, text: &str) {
    let old = std::fs::read_to_string(page).unwrap();
    let (before, rest) = old.split_once(MARKS.0).unwrap_or_else(|| panic!("{}: no {:?}", page.display(), MARKS.0));
    let (_, after) = rest.split_once(MARKS.1).unwrap_or_else(|| panic!("{}: no {:?}", page.display(), MARKS.1));
    std::fs::write(page, format!("{before}{}{text}\n{}{after}", MARKS.0, MARKS.1)).unwrap();
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let write = arguments.iter().any(|argument| argument == "--write");
    arguments.retain(|argument| argument != "--write");
    let [rows, load, missing @ ..] = &arguments[..] else {
        // As cargo calls every benchmark.
        return println!("usage: table <rows> <load before> <missing>... [--write]; see scripts/bench");
    };
    gst::init().unwrap();
    let lines = lines(&std::fs::read_to_string(rows).unwrap());
    let about = about(load, missing);
    let whole = format!("{about}\n\n{}", table(&lines));
    print!("{whole}");
    if !write {
        return;
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    if missing.is_empty() {
        put(&top.join("docs/performance.md"), &whole);
        let promised: Vec<Line> = lines.into_iter().filter(|line| !line.promised.is_empty()).collect();
        put(&top.join("README.md"), &format!("{about}\n\n{}", table(&promised)));
    } else {
        eprintln!("table: README.md and docs/performance.md are left as they are, since not all has been measured");
    }
    let measured = |name: &str| missing.iter().all(|missing| missing.split(' ').next() != Some(name));
    if measured("scale") {
        let text = std::fs::read_to_string(Path::new(rows).with_file_name("scale.txt")).unwrap();
        put(&top.join("docs/scale.md"), &text);
    }
}
