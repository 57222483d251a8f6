//! Every frame of an MP4 file: where it is, how long, when. Out of the index (`stbl`) and the fragments (`moof`).
//! Layouts: ISO/IEC 14496-12, 8.6, 8.7 and 8.8.
//! Writing an index is left to `moov`, which boxes a file has to `layout`.

use std::ops::Range;

use crate::recovery::Halt;
use crate::recovery::input::{Input, Numbers};

/// The boxes in a box's content, as kind and content.
pub(super) fn children(mut body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = body.u32_at(0)? as usize;
        let (head, kind) = (body.get(..size).filter(|_| size >= 8)?, body.get(4..8)?.try_into().ok()?);
        body = &body[size..];
        Some((kind, &head[8..]))
    })
}

/// The content of the box at the end of `path`.
pub(super) fn find<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, wanted| children(body).find(|(kind, _)| kind == *wanted).map(|(_, body)| body))
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// In the file.
    pub(super) offset: u64,
    pub(super) size: u32,
    /// Until the next one is decoded, in the track's time scale.
    pub(super) duration: u32,
    /// From decoding to presentation, in the track's time scale.
    pub(super) composition: i32,
    pub(super) sync: bool,
}

/// A track and its frames, in the order of decoding.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: u32,
    /// Units per second; at least 1.
    pub(super) timescale: u32,
    pub(super) samples: Vec<Sample>,
    /// Decoding time of what follows the last frame.
    end: u64,
    defaults: Defaults,
}

#[derive(Clone, Copy, Debug, Default)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

/// `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x1_0000;

/// Reads the tracks of an index, with the frames that it lists itself. `moov` is the box's content.
pub(super) fn tracks(moov: &[u8]) -> Option<Vec<Track>> {
    let mvex = find(moov, &[b"mvex"]).unwrap_or_default();
    children(moov)
        .filter(|(kind, _)| kind == b"trak")
        .map(|(_, trak)| {
            let tkhd = find(trak, &[b"tkhd"])?;
            let id = tkhd.u32_at(if tkhd.first() == Some(&1) { 20 } else { 12 })?;
            let mdhd = find(trak, &[b"mdia", b"mdhd"])?;
            let timescale = mdhd.u32_at(if mdhd.first() == Some(&1) { 20 } else { 12 })?;
            let trex = children(mvex).find(|(kind, body)| kind == b"trex" && body.u32_at(4) == Some(id));
            let defaults = match trex {
                Some((_, trex)) => {
                    Defaults { duration: trex.u32_at(12)?, size: trex.u32_at(16)?, flags: trex.u32_at(20)? }
                }
                None => Defaults::default(),
            };
            let samples = listed(find(trak, &[b"mdia", b"minf", b"stbl"])?)?;
            let end = samples.iter().map(|sample| u64::from(sample.duration)).sum();
            (timescale > 0).then_some(Track { id, timescale, samples, end, defaults })
        })
        .collect()
}

/// A table of pairs (count, value), spread out.
fn spread(table: Option<&[u8]>, len: usize) -> impl Iterator<Item = u32> {
    let pairs = table.and_then(|table| table.get(8..)).unwrap_or_default().chunks_exact(8);
    pairs
        .flat_map(|pair| std::iter::repeat_n(pair.u32_at(4).unwrap_or(0), pair.u32_at(0).unwrap_or(0) as usize))
        .chain(std::iter::repeat(0))
        .take(len)
}

/// The frames that `stbl` lists.
fn listed(stbl: &[u8]) -> Option<Vec<Sample>> {
    let stsz = find(stbl, &[b"stsz"])?;
    let (fixed, count) = (stsz.u32_at(4)?, stsz.u32_at(8)? as usize);
    let sizes = stsz.get(12..)?;
    // A table that is not there cannot count its rows; frames of one size have no table, and recordings none of them.
    if fixed != 0 || sizes.len() < count.checked_mul(4)? {
        return (count == 0).then(Vec::new);
    }
    let chunks: Vec<u64> = match (find(stbl, &[b"stco"]), find(stbl, &[b"co64"])) {
        (Some(stco), _) => stco.get(8..)?.chunks_exact(4).filter_map(|at| at.u32_at(0)).map(u64::from).collect(),
        (None, Some(co64)) => co64.get(8..)?.chunks_exact(8).filter_map(|at| at.u64_at(0)).collect(),
        (None, None) => return None,
    };
    let runs: Vec<(u32, u32)> = find(stbl, &[b"stsc"])?
        .get(8..)?
        .chunks_exact(12)
        .filter_map(|run| Some((run.u32_at(0)?, run.u32_at(4)?)))
        .collect();
    let mut durations = spread(find(stbl, &[b"stts"]), count);
    let mut compositions = spread(find(stbl, &[b"ctts"]), count);
    let keys: Option<std::collections::HashSet<u32>> = find(stbl, &[b"stss"])
        .map(|stss| stss.get(8..).unwrap_or_default().chunks_exact(4).filter_map(|number| number.u32_at(0)).collect());
    let mut samples = Vec::with_capacity(count);
    let mut run = 0;
    for (chunk, offset) in (1..).zip(chunks) {
        while runs.get(run + 1).is_some_and(|(first, _)| *first <= chunk) {
            run += 1;
        }
        let mut offset = offset;
        for _ in 0..runs.get(run)?.1 {
            if samples.len() == count {
                return Some(samples);
            }
            let size = sizes.u32_at(samples.len() * 4)?;
            let number = samples.len() as u32 + 1;
            samples.push(Sample {
                offset,
                size,
                duration: durations.next()?,
                composition: compositions.next()?.cast_signed(),
                sync: keys.as_ref().is_none_or(|keys| keys.contains(&number)),
            });
            offset = offset.checked_add(size.into())?;
        }
    }
    (samples.len() == count).then_some(samples)
}

/// Adds a fragment's frames. False: it is damaged or its frames are not in the file up to `end`; nothing was added.
pub(super) fn add_fragment(input: &Input, tracks: &mut [Track], moof: &Range<u64>, end: u64) -> Result<bool, Halt> {
    let Some(bytes) = input.read(moof.start, moof.end - moof.start)? else { return Ok(false) };
    let before: Vec<(usize, u64)> = tracks.iter().map(|track| (track.samples.len(), track.end)).collect();
    let whole = children(&bytes[8..])
        .filter(|(kind, _)| kind == b"traf")
        .all(|(_, traf)| add_track_fragment(tracks, traf, moof.start, end).is_some());
    if !whole {
        for (track, (len, end)) in tracks.iter_mut().zip(before) {
            track.samples.truncate(len);
            track.end = end;
        }
    }
    Ok(whole)
}

fn add_track_fragment(tracks: &mut [Track], traf: &[u8], moof: u64, end: u64) -> Option<()> {
    let tfhd = find(traf, &[b"tfhd"])?;
    let (flags, id) = (tfhd.u32_at(0)?, tfhd.u32_at(4)?);
    let track = tracks.iter_mut().find(|track| track.id == id)?;
    let mut defaults = track.defaults;
    let mut base = moof;
    let mut at = 8;
    if flags & 0x1 != 0 {
        base = tfhd.u64_at(at)?;
        at += 8;
    }
    if flags & 0x2 != 0 {
        at += 4;
    }
    for (flag, value) in [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)] {
        if flags & flag != 0 {
            *value = tfhd.u32_at(at)?;
            at += 4;
        }
    }
    if let Some(tfdt) = find(traf, &[b"tfdt"]) {
        let start = if tfdt.first() == Some(&1) { tfdt.u64_at(4)? } else { tfdt.u32_at(4)?.into() };
        track.jump_to(start);
    }
    let mut offset = base;
    for (_, trun) in children(traf).filter(|(kind, _)| kind == b"trun") {
        offset = track.add_run(trun, defaults, base, offset, end)?;
    }
    Some(())
}

impl Track {
    /// A fragment begins at `start`: where that is not where the last one ended, its last frame lasts until then.
    fn jump_to(&mut self, start: u64) {
        // mp4mux rounds the starts of fragments by themselves; less than a millisecond is no hole.
        let rounding = u64::from(self.timescale.div_ceil(1000));
        if start <= self.end + rounding {
            return;
        }
        let missing = u32::try_from(start - self.end).unwrap_or(u32::MAX);
        self.share_out(missing);
        if let Some(last) = self.samples.last_mut().filter(|_| self.end < start) {
            last.duration = last.duration.saturating_add(u32::try_from(start - self.end).unwrap_or(u32::MAX));
        }
        self.end = start;
    }

    /// mp4mux 1.22 leaves out the durations of a fragment's last frames where the fragment has no common one. Gives those
    /// frames equal parts of `missing`.
    fn share_out(&mut self, missing: u32) {
        let without = self.samples.iter().rev().take_while(|sample| sample.duration == 0).count();
        let Some(part) = u32::try_from(without).ok().and_then(|count| missing.checked_div(count)) else { return };
        for sample in self.samples.iter_mut().rev().take(without) {
            sample.duration = part;
            self.end += u64::from(part);
        }
    }

    /// The last fragment has been added: the durations that it leaves out are like those before.
    pub(super) fn settle(&mut self) {
        let without = self.samples.iter().rev().take_while(|sample| sample.duration == 0).count();
        if let Some(usual) = self.samples.iter().rev().nth(without).map(|sample| sample.duration) {
            self.share_out(usual.saturating_mul(u32::try_from(without).unwrap_or(0)));
        }
    }

    /// Adds a run of frames; returns where the next one begins in the file.
    fn add_run(&mut self, trun: &[u8], defaults: Defaults, base: u64, offset: u64, end: u64) -> Option<u64> {
        let (flags, count) = (trun.u32_at(0)?, trun.u32_at(4)?);
        let mut at = 8;
        let mut next = || {
            let value = trun.u32_at(at);
            at += 4;
            value
        };
        let mut offset = if flags & 0x1 != 0 { base.checked_add_signed(next()?.cast_signed().into())? } else { offset };
        let mut first_flags = if flags & 0x4 != 0 { Some(next()?) } else { None };
        for _ in 0..count {
            let mut field = |flag, default| if flags & flag != 0 { next() } else { Some(default) };
            let duration = field(0x100, defaults.duration)?;
            let size = field(0x200, defaults.size)?;
            let own_flags = field(0x400, defaults.flags)?;
            let composition = field(0x800, 0)?.cast_signed();
            let flags = first_flags.take().unwrap_or(own_flags);
            let sample = Sample { offset, size, duration, composition, sync: flags & NON_SYNC == 0 };
            offset = offset.checked_add(size.into())?;
            // Without a byte of its own in the file a frame could be counted four thousand million times.
            if size == 0 || offset > end {
                return None;
            }
            self.end = self.end.checked_add(duration.into())?;
            self.samples.push(sample);
        }
        Some(offset)
    }
}
