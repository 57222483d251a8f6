//! Every frame of an MP4 file: where it is, how long, when. Out of the index (`stbl`) and the fragments (`moof`).
//! Layouts: ISO/IEC 14496-12, 8.6, 8.7 and 8.8.
//! Writing an index is left to `moov`, which boxes a file has to `layout`.

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use crate::mp4::{Header, Mp4Box, bad, pair};
use crate::recovery::Halt;
use crate::recovery::input::Input;

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

/// Reads the tracks of an index, with the frames that it lists itself.
pub(super) fn tracks(moov: Mp4Box<'_>) -> io::Result<Vec<Track>> {
    let mvex = moov.at(&[b"mvex"]);
    moov.sound_children()
        .filter(|child| child.kind == *b"trak")
        .map(|trak| {
            let id = Header::read(&trak.need_at(&[b"tkhd"])?)?.number;
            let timescale = Header::read_scaled(&trak.need_at(&[b"mdia", b"mdhd"])?)?.number;
            let defaults = mvex.map(|mvex| Defaults::read(mvex, id)).transpose()?.unwrap_or_default();
            let samples = listed(trak.need_at(&[b"mdia", b"minf", b"stbl"])?)?;
            let end = samples.iter().map(|sample| u64::from(sample.duration)).sum();
            Ok(Track { id, timescale, samples, end, defaults })
        })
        .collect()
}

impl Defaults {
    /// Those of a track; all 0 where it has none.
    fn read(mvex: Mp4Box<'_>, id: u32) -> io::Result<Self> {
        for trex in mvex.sound_children().filter(|child| child.kind == *b"trex") {
            let mut fields = trex.fields();
            let [_version_and_flags, track, _description] = [fields.u32()?, fields.u32()?, fields.u32()?];
            if track == id {
                return Ok(Self { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? });
            }
        }
        Ok(Self::default())
    }
}

/// A table of run lengths, spread out; 0 where it has no more.
fn spread(table: Option<Mp4Box<'_>>, len: usize) -> io::Result<impl Iterator<Item = u32>> {
    let runs = table.map(|table| table.rows()).transpose()?.unwrap_or_default();
    let values = runs.iter().copied().map(pair).flat_map(|(count, value)| std::iter::repeat_n(value, count as usize));
    Ok(values.chain(std::iter::repeat(0)).take(len))
}

/// The frames that `stbl` lists.
fn listed(stbl: Mp4Box<'_>) -> io::Result<Vec<Sample>> {
    let too_few = || bad(stbl.kind, "its tables list too few frames");
    let mut stsz = stbl.need_at(&[b"stsz"])?.fields();
    let [_version_and_flags, fixed, count] = [stsz.u32()?, stsz.u32()?, stsz.u32()?];
    // Frames of one size have no table, and recordings none of them.
    if fixed != 0 {
        return if count == 0 { Ok(Vec::new()) } else { Err(bad(*b"stsz", "all frames have one size")) };
    }
    let sizes: &[[u8; 4]] = stsz.rows(count)?;
    let count = sizes.len();
    let chunks: Vec<u64> = match stbl.at(&[b"stco"]) {
        Some(stco) => stco.rows()?.iter().map(|at| u32::from_be_bytes(*at).into()).collect(),
        None => stbl.need_at(&[b"co64"])?.rows()?.iter().map(|at| u64::from_be_bytes(*at)).collect(),
    };
    // First chunk, frames per chunk, description.
    let runs: &[[u8; 12]] = stbl.need_at(&[b"stsc"])?.rows()?;
    let runs: Vec<(u32, u32)> =
        runs.iter().map(|[a, b, c, d, e, f, g, h, ..]| pair([*a, *b, *c, *d, *e, *f, *g, *h])).collect();
    let mut durations = spread(stbl.at(&[b"stts"]), count)?;
    let mut compositions = spread(stbl.at(&[b"ctts"]), count)?;
    let keys: Option<&[[u8; 4]]> = stbl.at(&[b"stss"]).map(|stss| stss.rows()).transpose()?;
    let keys: Option<HashSet<u32>> = keys.map(|keys| keys.iter().copied().map(u32::from_be_bytes).collect());
    let mut samples = Vec::with_capacity(count);
    let mut run = 0;
    for (chunk, offset) in (1..).zip(chunks) {
        while runs.get(run + 1).is_some_and(|(first, _)| *first <= chunk) {
            run += 1;
        }
        let mut offset = offset;
        for _ in 0..runs.get(run).ok_or_else(too_few)?.1 {
            let Some(size) = sizes.get(samples.len()).copied().map(u32::from_be_bytes) else { return Ok(samples) };
            let number = samples.len() as u32 + 1;
            samples.push(Sample {
                offset,
                size,
                duration: durations.next().unwrap_or(0),
                composition: compositions.next().unwrap_or(0).cast_signed(),
                sync: keys.as_ref().is_none_or(|keys| keys.contains(&number)),
            });
            offset = offset.checked_add(size.into()).ok_or_else(|| bad(stbl.kind, "a frame lies too far behind"))?;
        }
    }
    if samples.len() == count { Ok(samples) } else { Err(too_few()) }
}

/// Adds a fragment's frames. False: it is damaged or its frames are not in the file up to `end`; nothing was added.
pub(super) fn add_fragment(input: &Input, tracks: &mut [Track], moof: &Range<u64>, end: u64) -> Result<bool, Halt> {
    let Some(bytes) = input.read(moof.start, moof.end - moof.start)? else { return Ok(false) };
    let before: Vec<(usize, u64)> = tracks.iter().map(|track| (track.samples.len(), track.end)).collect();
    let Ok(fragment) = Mp4Box::read(&bytes) else { return Ok(false) };
    let mut parts = fragment.sound_children().filter(|child| child.kind == *b"traf");
    let whole = parts.all(|traf| add_track_fragment(tracks, traf, moof.start, end).is_ok());
    if !whole {
        for (track, (len, end)) in tracks.iter_mut().zip(before) {
            track.samples.truncate(len);
            track.end = end;
        }
    }
    Ok(whole)
}

fn add_track_fragment(tracks: &mut [Track], traf: Mp4Box<'_>, moof: u64, end: u64) -> io::Result<()> {
    let mut tfhd = traf.need_at(&[b"tfhd"])?.fields();
    let (flags, id) = (tfhd.u32()?, tfhd.u32()?);
    let track = tracks.iter_mut().find(|track| track.id == id);
    let track = track.ok_or_else(|| bad(*b"tfhd", format_args!("there is no track {id}")))?;
    let mut defaults = track.defaults;
    let base = if flags & 0x1 != 0 { tfhd.u64()? } else { moof };
    if flags & 0x2 != 0 {
        let _description = tfhd.u32()?;
    }
    for (flag, value) in [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)] {
        if flags & flag != 0 {
            *value = tfhd.u32()?;
        }
    }
    if let Some(tfdt) = traf.at(&[b"tfdt"]) {
        let mut fields = tfdt.fields();
        let [version, ..]: [u8; 4] = fields.array()?;
        track.jump_to(fields.time(version)?);
    }
    let mut offset = base;
    for trun in traf.sound_children().filter(|child| child.kind == *b"trun") {
        offset = track.add_run(trun, defaults, base, offset, end)?;
    }
    Ok(())
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
    fn add_run(&mut self, trun: Mp4Box<'_>, defaults: Defaults, base: u64, offset: u64, end: u64) -> io::Result<u64> {
        let outside = || bad(trun.kind, "a frame is not in the file");
        let mut fields = trun.fields();
        let (flags, count) = (fields.u32()?, fields.u32()?);
        let mut offset = match flags & 0x1 {
            0 => offset,
            _ => base.checked_add_signed(fields.u32()?.cast_signed().into()).ok_or_else(outside)?,
        };
        let mut first_flags = if flags & 0x4 != 0 { Some(fields.u32()?) } else { None };
        for _ in 0..count {
            let mut field = |flag, default| if flags & flag != 0 { fields.u32() } else { Ok(default) };
            let duration = field(0x100, defaults.duration)?;
            let size = field(0x200, defaults.size)?;
            let own_flags = field(0x400, defaults.flags)?;
            let composition = field(0x800, 0)?.cast_signed();
            let flags = first_flags.take().unwrap_or(own_flags);
            let sample = Sample { offset, size, duration, composition, sync: flags & NON_SYNC == 0 };
            // Without a byte of its own in the file a frame could be counted four thousand million times.
            offset = offset.checked_add(size.into()).filter(|next| size > 0 && *next <= end).ok_or_else(outside)?;
            let decoded = self.end.checked_add(duration.into());
            self.end = decoded.ok_or_else(|| bad(trun.kind, "it lasts too long"))?;
            self.samples.push(sample);
        }
        Ok(offset)
    }
}
