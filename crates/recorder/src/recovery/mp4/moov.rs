//! The index of an ordinary MP4 file, made of the first index of one in fragments and of all its frames.
//! Layouts: ISO/IEC 14496-12, 8.2 to 8.7. What is not about frames and durations is taken over as it is.
//! Finding the frames is left to `samples`.

use super::samples::{Sample, Track, children, find};
use crate::recovery::input::Numbers;

/// What an edit list says of a track: when its presentation begins, in the movie and in the media.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edit {
    /// Nothing is shown before, in the movie's time scale.
    pub(super) empty: u64,
    /// First moment of the media that is shown, in the track's time scale.
    pub(super) media: u64,
}

/// The movie's time scale: units per second, at least 1.
pub(super) fn timescale(moov: &[u8]) -> Option<u32> {
    let mvhd = find(moov, &[b"mvhd"])?;
    mvhd.u32_at(if mvhd.first() == Some(&1) { 20 } else { 12 }).filter(|scale| *scale > 0)
}

/// The edit list of a track. `None` is one that says more than when the presentation begins.
pub(super) fn edit(trak: &[u8]) -> Option<Edit> {
    let Some(elst) = find(trak, &[b"edts", b"elst"]) else { return Some(Edit::default()) };
    let long = elst.first() == Some(&1);
    let entry = |index: usize| -> Option<(u64, i64)> {
        let at = 8 + index * if long { 20 } else { 12 };
        Some(if long {
            (elst.u64_at(at)?, elst.u64_at(at + 8)?.cast_signed())
        } else {
            (elst.u32_at(at)?.into(), elst.u32_at(at + 4)?.cast_signed().into())
        })
    };
    match elst.u32_at(4)? {
        0 => Some(Edit::default()),
        1 => Some(Edit { empty: 0, media: entry(0)?.1.try_into().ok()? }),
        2 => {
            let ((empty, none), (_, media)) = (entry(0)?, entry(1)?);
            (none == -1).then_some(Edit { empty, media: media.try_into().ok()? })
        }
        _ => None,
    }
}

/// `value` in units of `from` per second, in units of `to`.
pub(super) fn scale(value: u64, from: u32, to: u32) -> u64 {
    u64::try_from((u128::from(value) * u128::from(to) + u128::from(from) / 2) / u128::from(from)).unwrap_or(u64::MAX)
}

/// When each frame is presented, in the track's time scale and before any edit list.
pub(super) fn presented(samples: &[Sample]) -> impl Iterator<Item = (i64, u32)> {
    samples.iter().scan(0_i64, |decode, sample| {
        let at = decode.saturating_add(sample.composition.into());
        *decode = decode.saturating_add(sample.duration.into());
        Some((at, sample.duration))
    })
}

/// End of the last frame's presentation, in the track's time scale.
fn media_end(samples: &[Sample]) -> u64 {
    let end = presented(samples).map(|(at, duration)| at.saturating_add(duration.into())).max().unwrap_or(0);
    u64::try_from(end).unwrap_or(0)
}

/// Durations that the new index states.
struct Durations {
    /// Of the media, in the track's time scale.
    media: u64,
    /// Of what is shown of it, in the movie's.
    shown: u64,
    /// With what the edit list puts before, in the movie's.
    track: u64,
}

/// The whole box. Tracks without frames are left out. `None`: the first index is not one that mp4mux writes.
pub(super) fn build(moov: &[u8], tracks: &[Track]) -> Option<Vec<u8>> {
    let movie = timescale(moov)?;
    let mut traks = Vec::new();
    let mut longest = 0;
    for ((_, trak), track) in children(moov).filter(|(kind, _)| kind == b"trak").zip(tracks) {
        if track.samples.is_empty() {
            continue;
        }
        let edit = edit(trak)?;
        let presented = media_end(&track.samples).saturating_sub(edit.media);
        let shown = scale(presented, track.timescale, movie);
        // Without an edit list frames are presented later than they are decoded, and a player that goes by the sum of
        // durations, as qtdemux does, would leave out the last ones.
        let decoded: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let media = decoded.max(presented);
        let durations = Durations { media, shown, track: shown + edit.empty };
        longest = longest.max(durations.track);
        traks.push(rewrite(b"trak", trak, &durations, &track.samples)?);
    }
    let mut traks = traks.into_iter();
    let mut body = Vec::new();
    let mut seen = 0;
    for (kind, content) in children(moov) {
        match &kind {
            b"mvhd" => {
                let mut mvhd = content.to_vec();
                // Version 0: times of 4 bytes.
                put_duration(&mut mvhd, 16, 24, longest)?;
                put(&mut body, kind, &mvhd);
            }
            b"trak" => {
                if tracks.get(seen).is_some_and(|track| !track.samples.is_empty()) {
                    body.extend(traks.next()?);
                }
                seen += 1;
            }
            // Promises fragments.
            b"mvex" => {}
            _ => put(&mut body, kind, content),
        }
    }
    let mut whole = Vec::with_capacity(body.len() + 8);
    put(&mut whole, *b"moov", &body);
    // A box of more than 4 GiB would need another header; a recording of a year has one of less.
    u32::try_from(whole.len()).is_ok().then_some(whole)
}

fn put(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    // `build` refuses what does not fit.
    out.extend(((content.len() + 8) as u32).to_be_bytes());
    out.extend(kind);
    out.extend(content);
}

/// Writes a duration at `short` (version 0, 4 bytes) or `long` (version 1, 8 bytes).
fn put_duration(content: &mut [u8], short: usize, long: usize, duration: u64) -> Option<()> {
    if content.first() == Some(&1) {
        content.get_mut(long..long + 8)?.copy_from_slice(&duration.to_be_bytes());
    } else {
        let duration = u32::try_from(duration).unwrap_or(u32::MAX);
        content.get_mut(short..short + 4)?.copy_from_slice(&duration.to_be_bytes());
    }
    Some(())
}

/// A box of a track with what is about frames and durations renewed.
fn rewrite(kind: &[u8; 4], content: &[u8], durations: &Durations, samples: &[Sample]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let renewed = match kind {
        b"trak" | b"edts" | b"mdia" | b"minf" => {
            let mut body = Vec::new();
            for (kind, content) in children(content) {
                body.extend(rewrite(&kind, content, durations, samples)?);
            }
            body
        }
        b"tkhd" => {
            let mut tkhd = content.to_vec();
            put_duration(&mut tkhd, 20, 28, durations.track)?;
            tkhd
        }
        b"mdhd" => {
            let mut mdhd = content.to_vec();
            put_duration(&mut mdhd, 16, 24, durations.media)?;
            mdhd
        }
        b"elst" => {
            let mut elst = content.to_vec();
            let last = elst.u32_at(4)?.checked_sub(1)? as usize;
            put_duration(&mut elst, 8 + last * 12, 8 + last * 20, durations.shown)?;
            elst
        }
        b"stbl" => {
            let tables: [&[u8; 4]; 7] = [b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64"];
            let mut body = Vec::new();
            for (kind, content) in children(content).filter(|(kind, _)| !tables.contains(&kind)) {
                put(&mut body, kind, content);
            }
            put_tables(&mut body, samples);
            body
        }
        _ => content.to_vec(),
    };
    put(&mut out, *kind, &renewed);
    Some(out)
}

/// A full box: `rows` of numbers of 4 bytes after version, flags and a count of rows.
fn put_table<const N: usize>(out: &mut Vec<u8>, kind: [u8; 4], version: u8, rows: &[[u32; N]]) {
    let mut content = vec![version, 0, 0, 0];
    content.extend((rows.len() as u32).to_be_bytes());
    content.extend(rows.iter().flatten().flat_map(|number| number.to_be_bytes()));
    put(out, kind, &content);
}

/// (count, value) of each run of equal values.
fn runs(values: impl Iterator<Item = u32>) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some([count, last]) if *last == value => *count += 1,
            _ => runs.push([1, value]),
        }
    }
    runs
}

fn put_tables(out: &mut Vec<u8>, samples: &[Sample]) {
    put_table(out, *b"stts", 0, &runs(samples.iter().map(|sample| sample.duration)));
    if samples.iter().any(|sample| sample.composition != 0) {
        // Version 1: signed.
        let version = u8::from(samples.iter().any(|sample| sample.composition < 0));
        let values = samples.iter().map(|sample| sample.composition.cast_unsigned());
        put_table(out, *b"ctts", version, &runs(values));
    }
    if samples.iter().any(|sample| !sample.sync) {
        let keys: Vec<[u32; 1]> =
            (1..).zip(samples).filter(|(_, sample)| sample.sync).map(|(number, _)| [number]).collect();
        put_table(out, *b"stss", 0, &keys);
    }
    // Frames that lie one behind the other are a chunk.
    let mut chunks: Vec<(u64, u32)> = Vec::new();
    let mut end = None;
    for sample in samples {
        match chunks.last_mut() {
            Some((_, count)) if end == Some(sample.offset) => *count += 1,
            _ => chunks.push((sample.offset, 1)),
        }
        end = Some(sample.offset + u64::from(sample.size));
    }
    let mut stsc: Vec<[u32; 3]> = Vec::new();
    for (number, (_, count)) in (1..).zip(&chunks) {
        if stsc.last().is_none_or(|last| last[1] != *count) {
            stsc.push([number, *count, 1]);
        }
    }
    put_table(out, *b"stsc", 0, &stsc);
    let mut stsz = vec![0; 8];
    stsz.extend((samples.len() as u32).to_be_bytes());
    stsz.extend(samples.iter().flat_map(|sample| sample.size.to_be_bytes()));
    put(out, *b"stsz", &stsz);
    match chunks.iter().map(|(at, _)| u32::try_from(*at).map(|at| [at])).collect::<Result<Vec<_>, _>>() {
        Ok(short) => put_table(out, *b"stco", 0, &short),
        Err(_) => {
            let mut co64 = vec![0; 4];
            co64.extend((chunks.len() as u32).to_be_bytes());
            co64.extend(chunks.iter().flat_map(|(at, _)| at.to_be_bytes()));
            put(out, *b"co64", &co64);
        }
    }
}
