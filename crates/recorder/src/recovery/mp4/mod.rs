//! Completes an MP4 file in fragments where it lies: an index of all its frames goes behind the last whole fragment,
//! then the first `mdat` is made to reach up to there, as mp4mux does it when it finalises. No media is copied.
//! Writing is left to `finish`.

mod layout;
mod moov;
mod samples;

use layout::{Fragments, Layout};
use samples::Track;

use super::finish::{Found, Plan};
use super::input::Input;
use super::{Halt, StreamFigures};
use crate::core::Stream;
use crate::mp4::{HEADER, LARGE_HEADER, Mp4Box};

/// Finds out what there is and what is to be done.
pub(super) fn inspect(input: &Input) -> Result<Found, Halt> {
    match layout::scan(input)? {
        Layout::Foreign => Ok(Found::Foreign),
        Layout::Empty => Ok(Found::Empty),
        Layout::Ordinary { moov } => {
            let Some(bytes) = input.read(moov.start, moov.end - moov.start)? else { return Ok(Found::Empty) };
            let moov = Mp4Box::read(&bytes).map_err(Halt::Index)?;
            let tracks = samples::tracks(moov).map_err(Halt::Index)?;
            Ok(match figures(moov, &tracks) {
                figures if figures.is_empty() => Found::Empty,
                figures => Found::Whole(figures),
            })
        }
        Layout::Unfinished(fragments) => plan(input, &fragments),
    }
}

fn plan(input: &Input, fragments: &Fragments) -> Result<Found, Halt> {
    let Fragments { cover, moov, moofs, .. } = fragments;
    let Some(bytes) = input.read(moov.start, moov.end - moov.start)? else { return Ok(Found::Empty) };
    let moov = Mp4Box::read(&bytes).map_err(Halt::Index)?;
    let mut tracks = samples::tracks(moov).map_err(Halt::Index)?;
    let mut end = fragments.end;
    for moof in moofs {
        if !samples::add_fragment(input, &mut tracks, moof, end)? {
            // What follows a damaged fragment has its place in time no more.
            end = moof.start;
            break;
        }
    }
    tracks.iter_mut().for_each(Track::settle);
    let streams = figures(moov, &tracks);
    if streams.is_empty() {
        return Ok(Found::Empty);
    }
    let index = moov::build(moov, &tracks).map_err(Halt::Index)?;
    let size = end - cover.at;
    let long = |size: u64| [&1_u32.to_be_bytes(), b"mdat".as_slice(), &size.to_be_bytes()].concat();
    let patch = match (u32::try_from(size), cover.head.length) {
        (Ok(size), HEADER) => (cover.at, [size.to_be_bytes(), *b"mdat"].concat()),
        // The empty box before it gives its 8 bytes for a longer header; an index is not read any more.
        (Err(_), HEADER) if fragments.room => (cover.at - 8, long(size + 8)),
        (Err(_), HEADER) if cover.at == fragments.moov.start => (cover.at, long(size)),
        (_, LARGE_HEADER) => (cover.at, long(size)),
        _ => return Err(Halt::Unknown("it is larger than 4 GiB and has no room for its size")),
    };
    Ok(Found::Unfinished(Plan { streams, end, index, patches: vec![patch], undo: undo(fragments) }))
}

/// Makes the first `mdat` end where the first index begins, and the index visible, as they are until mp4mux finalises.
fn undo(fragments: &Fragments) -> Vec<(u64, Vec<u8>)> {
    let Fragments { cover: mdat, moov, .. } = fragments;
    if mdat.at == moov.start {
        // Nobody finalises such a file but this module, in a step.
        return Vec::new();
    }
    // A header of 16 bytes stands where an empty `free` was and a header of 8.
    let (at, mut header) = match mdat.head.length {
        LARGE_HEADER => (mdat.at + 8, [8_u32.to_be_bytes(), *b"free"].concat()),
        _ => (mdat.at, Vec::new()),
    };
    let Ok(size) = u32::try_from(moov.start - at) else { return Vec::new() };
    header.extend(size.to_be_bytes());
    header.extend(b"mdat");
    vec![(moov.start + 4, b"moov".to_vec()), (mdat.at, header)]
}

/// The tracks that have frames.
fn figures(moov: Mp4Box<'_>, tracks: &[Track]) -> Vec<StreamFigures> {
    let movie = moov::timescale(moov).unwrap_or(1);
    let traks = moov.sound_children().filter(|child| child.kind == *b"trak");
    traks
        .zip(tracks)
        .filter(|(_, track)| !track.samples.is_empty())
        .filter_map(|(trak, track)| {
            let begin = moov::begin(trak).unwrap_or_default();
            let zero = i128::from(begin.empty) * 1_000_000_000 / i128::from(movie);
            let ns = |at: i64| {
                let since = i128::from(at) - i128::from(begin.media);
                i64::try_from(zero + since * 1_000_000_000 / i128::from(track.timescale)).unwrap_or(i64::MAX)
            };
            let at = |(at, _): (i64, u32)| at;
            let mut figures = describe(trak)?;
            figures.frames = track.samples.len() as u64;
            figures.first_ns = ns(moov::presented(&track.samples).map(at).min()?);
            figures.last_ns = ns(moov::presented(&track.samples).map(at).max()?);
            figures.end_ns =
                ns(moov::presented(&track.samples).map(|(at, lasts)| at.saturating_add(lasts.into())).max()?);
            Some(figures)
        })
        .collect()
}

/// What the sample description says (ISO/IEC 14496-12, 8.5.2).
fn describe(trak: Mp4Box<'_>) -> Option<StreamFigures> {
    let stream = match trak.at(&[b"mdia", b"hdlr"])?.body.get(8..12)? {
        b"vide" => Stream::Video,
        b"soun" => Stream::Audio,
        _ => return None,
    };
    let stsd = trak.at(&[b"mdia", b"minf", b"stbl", b"stsd"])?;
    // Version, flags and the number of entries come first.
    let entry = stsd.skip(8)?.sound_children().next()?;
    let codec = match &entry.kind {
        b"avc1" | b"avc3" => "video/x-h264".into(),
        b"hvc1" | b"hev1" => "video/x-h265".into(),
        b"av01" => "video/x-av1".into(),
        b"vp08" => "video/x-vp8".into(),
        b"vp09" => "video/x-vp9".into(),
        b"jpeg" | b"mjpg" => "image/jpeg".into(),
        b"Opus" => "audio/x-opus".into(),
        b"ulaw" => "audio/x-mulaw".into(),
        b"alaw" => "audio/x-alaw".into(),
        b"mp4a" if is_mpeg_audio(entry) => "audio/mpeg,mpegversion=1".into(),
        b"mp4a" => "audio/mpeg,mpegversion=4".into(),
        other => String::from_utf8_lossy(other).into_owned(),
    };
    let mut figures = StreamFigures::new(stream, &codec);
    let number = |at| entry.skip(at)?.fields().u16().ok().map(i32::from);
    match stream {
        Stream::Video => {
            figures.width = number(24);
            figures.height = number(26);
        }
        Stream::Audio => {
            figures.channels = number(16);
            figures.rate = number(24).filter(|rate| *rate > 0);
        }
    }
    Some(figures)
}

/// Whether an `mp4a` entry is MP3 or its like: object type 0x69 or 0x6B in its `esds` (ISO/IEC 14496-1, 7.2.6.6).
fn is_mpeg_audio(entry: Mp4Box<'_>) -> bool {
    // The entry's own 28 bytes, then boxes.
    let Some(esds) = entry.skip(28).and_then(|entry| entry.at(&[b"esds"])) else { return false };
    let esds = esds.body;
    // Version, tag 3 with its length (1 to 4 bytes), ES_ID and flags, tag 4 with its length, the object type.
    let skip_length = |at: usize| {
        (at..at + 4).find(|at| esds.get(*at).is_some_and(|byte| byte & 0x80 == 0)).map_or(at, |last| last + 1)
    };
    let config = skip_length(5) + 3;
    matches!(esds.get(skip_length(config + 1)), Some(0x69 | 0x6b))
}
