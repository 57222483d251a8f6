//! When a track's samples are decoded and shown, and from which of them decoding can begin: `stts`, `ctts`, `stss`.
//! Works on run lengths, so that a damaged table that claims billions of samples costs no more than its own bytes.
//! Which part of the track is shown is left to `edit_list`.

use std::io;

use super::boxes::{Mp4Box, bad, write_box};

/// A row of `stts` or `ctts`: a number of samples, and what each of them has.
type Row = [u8; 8];

/// The tables of a track, in its media's time.
pub(super) struct Samples<'a> {
    /// How long each is, in the order of decoding.
    steps: &'a [Row],
    /// How much later than decoded it is shown, where there is a difference.
    offsets: Option<&'a [Row]>,
    /// Numbers (from 1) of those with which decoding can begin. `None`: all.
    sync: Option<&'a [[u8; 4]]>,
}

/// Samples that follow each other evenly.
struct Run {
    /// How many come before.
    index: i128,
    count: i128,
    /// When the first is decoded.
    decoded: i128,
    step: i128,
    offset: i128,
}

/// The sample that is shown at some moment.
pub(super) struct Shown {
    /// When it is shown first.
    pub(super) since: i128,
    /// How long it lasts.
    pub(super) step: i128,
}

/// Changed tables, each a whole box. `None`: it stays as it is.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) stts: Option<Vec<u8>>,
    pub(super) ctts: Option<Vec<u8>>,
    pub(super) stss: Option<Vec<u8>>,
    /// How much earlier everything is now that was not hurried.
    pub(super) earlier: i128,
}

impl<'a> Samples<'a> {
    pub(super) fn read(stbl: &Mp4Box<'a>) -> io::Result<Self> {
        Ok(Self {
            steps: stbl.need(*b"stts")?.rows()?,
            offsets: stbl.find(*b"ctts")?.map(|table| table.rows()).transpose()?,
            sync: stbl.find(*b"stss")?.map(|table| table.rows()).transpose()?,
        })
    }

    fn runs(&self) -> impl Iterator<Item = io::Result<Run>> {
        let mut steps = self.steps.iter().copied().map(pair);
        let mut offsets = self.offsets.map(|rows| rows.iter().copied().map(pair));
        // What is left of the current row of each table. Without offsets there is none to run out of.
        let (mut steady, mut step) = (0, 0);
        let (mut even, mut offset) = if offsets.is_some() { (0, 0) } else { (i128::MAX, 0) };
        let (mut index, mut decoded) = (0, 0);
        std::iter::from_fn(move || {
            while steady == 0 {
                let (count, each) = steps.next()?;
                (steady, step) = (i128::from(count), i128::from(each));
            }
            while even == 0 {
                let Some((count, later)) = offsets.as_mut().and_then(Iterator::next) else {
                    steps = [].iter().copied().map(pair);
                    steady = 0;
                    return Some(Err(bad(*b"ctts", "it ends before the samples do")));
                };
                // Negative ones exist: in version 1 by the standard, in version 0 by habit.
                (even, offset) = (i128::from(count), i128::from(later.cast_signed()));
            }
            let run = Run { index, count: steady.min(even), decoded, step, offset };
            index += run.count;
            decoded += run.count * step;
            steady -= run.count;
            even -= run.count;
            Some(Ok(run))
        })
    }

    /// The sample that is shown at `asked`: the latest that begins at or before it.
    pub(super) fn shown_at(&self, asked: i128) -> io::Result<Option<Shown>> {
        let mut best: Option<Shown> = None;
        for run in self.runs() {
            let run = run?;
            let first = run.decoded + run.offset;
            if first > asked {
                continue;
            }
            let further = if run.step == 0 { 0 } else { ((asked - first) / run.step).min(run.count - 1) };
            let since = first + further * run.step;
            if best.as_ref().is_none_or(|best| best.since < since) {
                best = Some(Shown { since, step: run.step });
            }
        }
        Ok(best)
    }

    /// The first sample in the order of decoding that is shown at `time` or later, as a run that begins with it.
    fn first_from(&self, time: i128) -> io::Result<Option<Run>> {
        for run in self.runs() {
            let run = run?;
            let wait = (time - run.decoded - run.offset).max(0);
            let further = match run.step {
                0 if wait > 0 => continue,
                0 => 0,
                step => (wait + step - 1) / step,
            };
            if further < run.count {
                return Ok(Some(Run {
                    index: run.index + further,
                    count: run.count - further,
                    decoded: run.decoded + further * run.step,
                    ..run
                }));
            }
        }
        Ok(None)
    }

    /// Hurries through what is decoded before the sample that is shown at `since`: one unit for each sample, but as long
    /// as the shown one for the last of them, since decoders that know the frame rate take all for that long.
    pub(super) fn hurry(&self, since: i128, changed: &mut Changed) -> io::Result<()> {
        let Some(shown) = self.first_from(since)? else { return Ok(()) };
        let (hurried, pause) = (shown.index - 1, shown.step);
        let earlier = shown.decoded - hurried - pause;
        let (Ok(hurried), Ok(pause)) = (u32::try_from(hurried), u32::try_from(pause)) else { return Ok(()) };
        if earlier <= 0 {
            return Ok(());
        }
        changed.earlier = earlier;
        changed.stts = Some(replace(*b"stts", 0, &[(hurried, 1), (1, pause)], self.steps)?);
        if let Some(offsets) = self.offsets {
            // Version 1 says that numbers are signed, which those of version 0 are read as too.
            changed.ctts = Some(replace(*b"ctts", 1, &[(hurried, 0), (1, 0)], offsets)?);
        }
        Ok(())
    }

    /// Takes the marks of those samples away that are not over before `end`, but never the first one.
    pub(super) fn unmark_from(&self, end: i128, changed: &mut Changed) -> io::Result<()> {
        let Some(sync) = self.sync else { return Ok(()) };
        let mut before = 0;
        for run in self.runs() {
            let run = run?;
            // Over before `end`: k + 1 steps end before it.
            let room = end - 1 - run.decoded;
            let over = match run.step {
                _ if room < 0 => 0,
                0 => run.count,
                step => (room / step).min(run.count),
            };
            before = run.index + over;
            if over < run.count {
                break;
            }
        }
        let kept = sync.partition_point(|number| i128::from(u32::from_be_bytes(*number)) <= before).max(1);
        if let Some(kept) = sync.get(..kept)
            && kept.len() < sync.len()
        {
            changed.stss = Some(write_table(*b"stss", 0, kept.len(), kept.as_flattened())?);
        }
        Ok(())
    }
}

/// A table whose first samples have what is in `first`, and the others what they have in `rows`.
fn replace(kind: [u8; 4], version: u8, first: &[(u32, u32)], rows: &[Row]) -> io::Result<Vec<u8>> {
    let mut table: Vec<Row> = first.iter().copied().map(row).collect();
    let mut left: u32 = first.iter().map(|(count, _)| count).sum();
    for (count, value) in rows.iter().copied().map(pair) {
        let replaced = left.min(count);
        left -= replaced;
        if count > replaced {
            table.push(row((count - replaced, value)));
        }
    }
    write_table(kind, version, table.len(), table.as_flattened())
}

fn write_table(kind: [u8; 4], version: u8, count: usize, rows: &[u8]) -> io::Result<Vec<u8>> {
    let count = u32::try_from(count).map_err(|_| bad(kind, "it has too many entries"))?;
    let mut out = Vec::with_capacity(rows.len() + 16);
    write_box(&mut out, kind, |out| {
        out.extend([version, 0, 0, 0]);
        out.extend(count.to_be_bytes());
        out.extend(rows);
        Ok(())
    })?;
    Ok(out)
}

fn row((count, value): (u32, u32)) -> Row {
    (u64::from(count) << 32 | u64::from(value)).to_be_bytes()
}

fn pair(row: Row) -> (u32, u32) {
    let both = u64::from_be_bytes(row);
    ((both >> 32) as u32, both as u32)
}
