//! What the cases found, as a table: case, tried, kept, lost.
//! A case that did not run is in it as well, and counts as not passed unless it was allowed by name.
//! Finding out is left to the cases.

use std::fmt::Write;

use parking_lot::Mutex;

use crate::Error;

/// What one case tried: things that must be kept, and those of them that were not, with the reasons.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    tried: usize,
    lost: Vec<String>,
    notes: Vec<String>,
}

impl Tally {
    /// One thing was tried; the error says why it is lost.
    pub fn add(&mut self, what: &str, result: Result<(), String>) {
        self.tried += 1;
        if let Err(reason) = result {
            self.lost.push(format!("{what}: {reason}"));
        }
    }

    /// Worth telling, whatever the result.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

/// Adds up what all parts of a check have to say: nothing is lost only where none has anything.
pub fn all(faults: Vec<String>) -> Result<(), String> {
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// A row of the table.
#[derive(Debug)]
enum Row {
    Ran(Tally),
    NotRun(String),
    Broken(String),
}

/// All rows, filled by the cases from their threads.
#[derive(Debug, Default)]
pub struct Table {
    rows: Mutex<Vec<(&'static str, Row)>>,
    wanted: Vec<String>,
}

impl Table {
    /// Only cases whose names begin with one of these; all of them where there are none.
    pub fn new(wanted: Vec<String>) -> Self {
        Self { rows: Mutex::default(), wanted }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }

    /// Runs a case with one row for each of its names.
    pub fn run<const N: usize>(&self, names: [&'static str; N], case: impl FnOnce() -> Result<[Tally; N], Error>) {
        if !names.iter().any(|name| self.is_wanted(name)) {
            return;
        }
        eprintln!("chaos: {} ...", names.join(", "));
        let results: Vec<Row> = match case() {
            Ok(tallies) => tallies.into_iter().map(Row::Ran).collect(),
            Err(Error::Missing(reason)) => names.iter().map(|_| Row::NotRun(reason.clone())).collect(),
            Err(error) => names.iter().map(|_| Row::Broken(error.to_string())).collect(),
        };
        for (name, result) in names.into_iter().zip(results) {
            eprintln!("chaos: {name}: {}", result.verdict());
            self.rows.lock().push((name, result));
        }
    }

    /// The table as text, and whether all is well. `order`: names of all cases there are. `allowed`: cases that may
    /// be missing.
    pub fn finish(self, order: &[&'static str], allowed: &[String]) -> (String, bool) {
        let mut rows = self.rows.into_inner();
        rows.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
        let (mut text, mut below, mut good) = (String::new(), String::new(), true);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<24} {:>6} {:>6} {:>6}  result", "case", "tried", "kept", "lost");
        for (name, result) in &rows {
            let allowed = matches!(result, Row::NotRun(_)) && allowed.iter().any(|allowed| allowed == name);
            good &= result.is_good() || allowed;
            let (tried, kept, lost) = match result {
                Row::Ran(tally) => {
                    let lost = tally.lost.len();
                    (tally.tried.to_string(), (tally.tried - lost).to_string(), lost.to_string())
                }
                Row::NotRun(_) | Row::Broken(_) => ("-".into(), "-".into(), "-".into()),
            };
            let verdict = result.verdict();
            let allowed = if allowed { " (allowed by CHAOS_ALLOW_MISSING)" } else { "" };
            let _ = writeln!(text, "{name:<24} {tried:>6} {kept:>6} {lost:>6}  {verdict}{allowed}");
            result.details(name, &mut below);
        }
        let missing: Vec<_> = order.iter().filter(|name| !rows.iter().any(|(row, _)| row == *name)).copied().collect();
        if !missing.is_empty() {
            let _ = writeln!(text, "not asked for: {}", missing.join(", "));
        }
        if rows.is_empty() {
            let _ = writeln!(text, "no case has such a name; there are: {}", order.join(", "));
            good = false;
        }
        (text + &below, good)
    }
}

impl Row {
    fn is_good(&self) -> bool {
        matches!(self, Self::Ran(tally) if tally.lost.is_empty() && tally.tried > 0)
    }

    fn verdict(&self) -> &'static str {
        match self {
            Self::NotRun(_) => "not run",
            Self::Broken(_) => "BROKEN",
            Self::Ran(_) if self.is_good() => "ok",
            Self::Ran(_) => "LOST",
        }
    }

    fn details(&self, name: &str, text: &mut String) {
        let mut line = |kind: &str, what: &str| {
            let _ = writeln!(text, "{name}: {kind}: {what}");
        };
        match self {
            Self::NotRun(reason) => line("not run", reason),
            Self::Broken(reason) => line("could not be tried to its end", reason),
            Self::Ran(tally) => {
                tally.lost.iter().for_each(|lost| line("lost", lost));
                tally.notes.iter().for_each(|note| line("note", note));
                if tally.tried == 0 {
                    line("lost", "nothing was tried");
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_missing_or_not_tried_is_not_passed() {
        let good = || {
            let mut tally = Tally::default();
            tally.add("a", Ok(()));
            Ok([tally])
        };
        let table = Table::default();
        table.run(["x"], good);
        assert!(table.finish(&["x"], &[]).1);

        let table = Table::default();
        table.run(["x"], || Ok([Tally::default()]));
        assert!(!table.finish(&["x"], &[]).1, "nothing was tried");

        for (allowed, passed) in [(&[][..], false), (&["y".to_owned()][..], true)] {
            let table = Table::default();
            table.run(["x"], good);
            table.run(["y"], || Err(Error::Missing("no loop devices".into())));
            let (text, is_passed) = table.finish(&["x", "y"], allowed);
            assert_eq!(is_passed, passed);
            assert!(text.contains("y: not run: no loop devices"), "{text}");
        }

        let table = Table::default();
        table.run(["x"], || {
            let mut tally = Tally::default();
            tally.add("a", Err("gone".into()));
            Ok([tally])
        });
        let (text, passed) = table.finish(&["x"], &["x".to_owned()]);
        assert!(!passed && text.contains("x: lost: a: gone"), "{text}");
    }
}
