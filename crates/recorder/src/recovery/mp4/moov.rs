//! The index of an ordinary MP4 file, made of the first index of one in fragments and of all its frames.
//! Layouts: ISO/IEC 14496-12, 8.2 to 8.7. What is not about frames and durations is taken over as it is.
//! Finding the frames is left to `samples`.

use std::io;

use super::samples::{Sample, Track};
use crate::mp4::{Edit, Header, Mp4Box, RunLengths, bad, rescale, write_box, write_table};

/// When a track's presentation begins, in the movie and in the media.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begin {
    /// Nothing is shown before, in the movie's time scale.
    pub(super) empty: u64,
    /// First moment of the media that is shown, in the track's time scale; not negative.
    pub(super) media: i64,
}

/// The movie's time scale: units per second, at least 1.
pub(super) fn timescale(moov: Mp4Box<'_>) -> io::Result<u32> {
    Ok(Header::read_scaled(&moov.need_at(&[b"mvhd"])?)?.number)
}

/// What the edit list of a track says; an error if that is more than when the presentation begins.
pub(super) fn begin(trak: Mp4Box<'_>) -> io::Result<Begin> {
    let Some(elst) = trak.at(&[b"edts", b"elst"]) else { return Ok(Begin::default()) };
    match Edit::read_list(&elst)?.as_slice() {
        [] => Ok(Begin::default()),
        [Edit { media_time: Some(media), .. }] => Ok(Begin { empty: 0, media: *media }),
        [Edit { duration: empty, media_time: None }, Edit { media_time: Some(media), .. }] => {
            Ok(Begin { empty: *empty, media: *media })
        }
        _ => Err(bad(elst.kind, "it says more than when the track begins")),
    }
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

/// The whole box. Tracks without frames are left out.
///
/// # Errors
/// What in the first index is not as mp4mux writes it.
pub(super) fn build(moov: Mp4Box<'_>, tracks: &[Track]) -> io::Result<Vec<u8>> {
    let movie = timescale(moov)?;
    let mut traks = Vec::new();
    let mut longest = 0;
    for (trak, track) in moov.sound_children().filter(|child| child.kind == *b"trak").zip(tracks) {
        if track.samples.is_empty() {
            continue;
        }
        let begin = begin(trak)?;
        let presented = media_end(&track.samples).saturating_sub(begin.media.unsigned_abs());
        let shown = u64::try_from(rescale(presented.into(), track.timescale, movie)).unwrap_or(u64::MAX);
        // Without an edit list frames are presented later than they are decoded, and a player that goes by the sum of
        // durations, as qtdemux does, would leave out the last ones.
        let decoded: u64 = track.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        let media = decoded.max(presented);
        let durations = Durations { media, shown, track: shown.saturating_add(begin.empty) };
        longest = longest.max(durations.track);
        rewrite(trak, &durations, &track.samples, &mut traks)?;
    }
    let mut traks = Some(traks);
    let mut whole = Vec::new();
    write_box(&mut whole, *b"moov", |out| {
        for child in moov.sound_children() {
            match &child.kind {
                b"mvhd" => lasting(child, longest, out)?,
                // All of them, where the first one was.
                b"trak" => out.extend(traks.take().unwrap_or_default()),
                // Promises fragments.
                b"mvex" => {}
                _ => out.extend(child.whole),
            }
        }
        Ok(())
    })?;
    Ok(whole)
}

/// Appends a header with another duration.
fn lasting(from: Mp4Box<'_>, duration: u64, out: &mut Vec<u8>) -> io::Result<()> {
    let mut header = Header::read(&from)?;
    header.duration = duration;
    header.write(out)
}

/// Appends a box of a track with what is about frames and durations renewed.
fn rewrite(from: Mp4Box<'_>, durations: &Durations, samples: &[Sample], out: &mut Vec<u8>) -> io::Result<()> {
    match &from.kind {
        b"tkhd" => lasting(from, durations.track, out),
        b"mdhd" => lasting(from, durations.media, out),
        b"elst" => {
            let mut edits = Edit::read_list(&from)?;
            let last = edits.last_mut().ok_or_else(|| bad(from.kind, "it has no entry"))?;
            last.duration = durations.shown;
            Edit::write_list(&edits, out)
        }
        b"trak" | b"edts" | b"mdia" | b"minf" => write_box(out, from.kind, |out| {
            from.sound_children().try_for_each(|child| rewrite(child, durations, samples, out))
        }),
        b"stbl" => {
            let tables: [&[u8; 4]; 7] = [b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64"];
            write_box(out, from.kind, |out| {
                let kept = from.sound_children().filter(|child| !tables.contains(&&child.kind));
                kept.for_each(|child| out.extend(child.whole));
                write_tables(samples, out)
            })
        }
        _ => {
            out.extend(from.whole);
            Ok(())
        }
    }
}

fn write_tables(samples: &[Sample], out: &mut Vec<u8>) -> io::Result<()> {
    let (mut durations, mut compositions) = (RunLengths::new(*b"stts"), RunLengths::new(*b"ctts"));
    for sample in samples {
        durations.push(1, sample.duration.into())?;
        compositions.push(1, sample.composition.into())?;
    }
    durations.write(0, out)?;
    if samples.iter().any(|sample| sample.composition != 0) {
        // Version 1: signed.
        let version = u8::from(samples.iter().any(|sample| sample.composition < 0));
        compositions.write(version, out)?;
    }
    if samples.iter().any(|sample| !sample.sync) {
        let keys: Vec<u32> = (1..).zip(samples).filter(|(_, sample)| sample.sync).map(|(number, _)| number).collect();
        write_table(out, *b"stss", 0, keys.into_iter().map(u32::to_be_bytes))?;
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
    write_table(out, *b"stsc", 0, stsc.into_iter().map(|row| row.into_iter().flat_map(u32::to_be_bytes)))?;
    write_box(out, *b"stsz", |out| {
        let count = u32::try_from(samples.len()).map_err(|_| bad(*b"stsz", "it has too many entries"))?;
        // Version and flags; no common size.
        out.extend([0; 8]);
        out.extend(count.to_be_bytes());
        out.extend(samples.iter().flat_map(|sample| sample.size.to_be_bytes()));
        Ok(())
    })?;
    match chunks.iter().map(|(at, _)| u32::try_from(*at)).collect::<Result<Vec<_>, _>>() {
        Ok(short) => write_table(out, *b"stco", 0, short.into_iter().map(u32::to_be_bytes)),
        Err(_) => write_table(out, *b"co64", 0, chunks.iter().map(|(at, _)| at.to_be_bytes())),
    }
}
