//! When a track's samples are decoded and shown, and from which of them decoding can begin: `stts`, `ctts`, `stss`.
//! Works on run lengths, never on single samples. The tables' binary form is left to `mp4`.
//! Which part of the track is shown is left to `edit_list`.

use std::io;

use crate::mp4::{Mp4Box, Run as Row, RunLengths, bad, pair, write_table};

/// The tables of a track, in its media's time.
pub(super) struct Samples<'a> {
    /// How long each is, in the order of decoding.
    steps: &'a [Row],
    /// How much later than decoded it is shown, where there is a difference; and the version of that table.
    offsets: Option<(u8, &'a [Row])>,
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

impl Run {
    /// How many of them are shown before `time`.
    fn before(&self, time: i128) -> i128 {
        let wait = time - self.decoded - self.offset;
        match self.step {
            _ if wait <= 0 => 0,
            0 => self.count,
            step => ((wait + step - 1) / step).min(self.count),
        }
    }
}

/// The sample that is shown at some moment.
pub(super) struct Shown {
    /// How many are decoded before.
    pub(super) index: i128,
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
    /// How much earlier than before everything is now from the first shown sample on; negative: later.
    pub(super) earlier: i128,
}

impl<'a> Samples<'a> {
    pub(super) fn read(stbl: &Mp4Box<'a>) -> io::Result<Self> {
        Ok(Self {
            steps: stbl.need(*b"stts")?.rows()?,
            offsets: match stbl.find(*b"ctts")? {
                Some(table) => Some((table.fields().array::<1>()?[0], table.rows()?)),
                None => None,
            },
            sync: stbl.find(*b"stss")?.map(|table| table.rows()).transpose()?,
        })
    }

    fn runs(&self) -> impl Iterator<Item = io::Result<Run>> {
        let mut steps = self.steps.iter().copied().map(pair);
        let mut offsets = self.offsets.map(|(_, rows)| rows.iter().copied().map(pair));
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
                best = Some(Shown { index: run.index + further, since, step: run.step });
            }
        }
        Ok(best)
    }

    /// The first sample in the order of decoding that is shown at `time` or later, as a run that begins with it.
    fn first_from(&self, time: i128) -> io::Result<Option<Run>> {
        for run in self.runs() {
            let run = run?;
            let before = run.before(time);
            if before < run.count {
                let (index, decoded) = (run.index + before, run.decoded + before * run.step);
                return Ok(Some(Run { index, count: run.count - before, decoded, ..run }));
            }
        }
        Ok(None)
    }

    /// How many samples are decoded until all that are shown before `time` are.
    fn until_all_before(&self, time: i128) -> io::Result<i128> {
        self.runs().try_fold(0, |all, run| {
            let run = run?;
            let before = run.before(time);
            Ok(if before > 0 { run.index + before } else { all })
        })
    }

    /// One and a half of the mean duration of a sample, at least 1.
    pub(super) fn pause(&self) -> io::Result<i128> {
        let (mut count, mut lasts) = (0, 0);
        for run in self.runs() {
            let run = run?;
            count += run.count;
            lasts += run.count * run.step;
        }
        Ok((lasts * 3 / 2 / count.max(1)).max(1))
    }

    /// Puts a pause between what is shown before `since`, when a sample is shown first, and that. If `hurried`, it comes
    /// after next to no time: one unit for each sample that is decoded before any from then on.
    pub(super) fn set_apart(&self, since: i128, hurried: bool, changed: &mut Changed) -> io::Result<()> {
        let Some(shown) = self.first_from(since)? else { return Ok(()) };
        let last = self.until_all_before(since)?;
        if last == 0 {
            return Ok(());
        }
        let pause = self.pause()?;
        let (mut steps, mut offsets) = (RunLengths::new(*b"stts"), RunLengths::new(*b"ctts"));
        for run in self.runs() {
            let run = run?;
            let mut done = 0;
            for end in [shown.index, last, i128::MAX] {
                let index = run.index + done;
                let count = (end - index).clamp(0, run.count - done);
                let early = run.before(since).clamp(done, done + count) - done;
                done += count;
                if hurried && index < shown.index {
                    steps.push(count, 1)?;
                    offsets.push(count, 0)?;
                } else {
                    steps.push(count, run.step)?;
                    offsets.push(early, run.offset)?;
                    // What is decoded before the pause and shown after it.
                    offsets.push(count - early, if index < last { run.offset + pause } else { run.offset })?;
                }
                if count > 0 && index + count == last {
                    steps.lengthen_last(pause)?;
                }
            }
        }
        changed.earlier = if hurried { shown.decoded - shown.index } else { 0 } - pause;
        steps.write(0, changed.stts.insert(Vec::new()))?;
        if let Some((version, _)) = self.offsets {
            offsets.write(version, changed.ctts.insert(Vec::new()))?;
        }
        Ok(())
    }

    /// Takes the marks of those samples away that are not over before `end`, and of those with which the decoding of
    /// `first` cannot begin, since it is decoded after them but shown before; but never the mark of the first one.
    pub(super) fn unmark(&self, first: Option<&Shown>, end: i128, changed: &mut Changed) -> io::Result<()> {
        let Some(sync) = self.sync else { return Ok(()) };
        let mut over = 0;
        for run in self.runs() {
            let run = run?;
            // k + 1 steps end before the end.
            let room = end - 1 - run.decoded;
            let here = match run.step {
                _ if room < 0 => 0,
                0 => run.count,
                step => (room / step).min(run.count),
            };
            over = run.index + here;
            if here < run.count {
                break;
            }
        }
        let leads = match first {
            Some(first) => self.first_from(first.since)?.map_or(0..0, |run| run.index..first.index),
            None => 0..0,
        };
        let kept: Vec<[u8; 4]> = sync
            .iter()
            .copied()
            .enumerate()
            .filter(|(place, number)| {
                let index = i128::from(u32::from_be_bytes(*number)) - 1;
                *place == 0 || index < over && !leads.contains(&index)
            })
            .map(|(_, number)| number)
            .collect();
        if kept.len() < sync.len() {
            write_table(changed.stss.insert(Vec::new()), *b"stss", 0, kept.into_iter())?;
        }
        Ok(())
    }
}
