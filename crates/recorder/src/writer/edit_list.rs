//! Exact presentation: rewrites the edit lists of a finished MP4 so that players show an asked part of it and no more.
//! All media stay as they are, and so does what else the index says of what is shown; a kill at any moment leaves a
//! playable file. Which part that is, and the file's name and its last fsync, are left to `file`.
//!
//! Our own walker and not a crate: mp4-atom (0.17) and mp4 decode an index into typed values and write those anew, so
//! that what they do not know (vendors' boxes, codecs' private ones) is lost. Here a handful of numbers changes.

mod samples;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use self::samples::{Changed, Samples};
use crate::mp4::{Edit, HEADER, Head, Header, LARGE_HEADER, Mp4Box, bad, rescale, write_box};

/// The largest index that is read into memory, in bytes. mp4mux writes about 1,000 per second of 30 fps with audio: this
/// is three days.
const MAX_MOOV: u64 = 256 << 20;
/// Boxes that a file may have at its top level; a finished one of mp4mux's has 4.
const MAX_TOP_LEVEL: usize = 1024;
/// The finest time scale that is chosen for a movie, in units per second.
const MAX_SCALE: u32 = 1_000_000;
const FRAGMENTS: &str = "the file is made of fragments: it is not finished";
const TOO_SHORT: &str = "a part of an MP4 that is so short that some players would show nothing of it";
const NANOS: u32 = 1_000_000_000;

/// What players show of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    /// From when to when, counted from what was the file's zero before: the start of the frame that is on screen at
    /// the asked start, and the asked end, or the file's where that comes first. To the nanosecond below the file's
    /// own resolution.
    pub(super) shown: Range<Duration>,
}

/// Makes a finished MP4 show `shown` and nothing else; `file` is open for reading and writing, and nobody else writes.
///
/// `shown` counts from the file's own zero, which with mp4mux is the earliest presentation time of all tracks, whatever
/// time stamp that had. The video begins with the frame that is on screen at the start, since players differ in what
/// they do with one that begins earlier, and ends exactly at the end. Every other track is cut at the same two moments.
/// Seen with GStreamer 1.22.0 and FFmpeg 5.1: both show exactly these frames; FFmpeg plays the last packet of sound whole,
/// and, where the part is shorter than its lead, the first one too.
///
/// The new index is written behind the old one and on disk before that is struck out, so that a file which loses power
/// or process in between shows all that it did before. The caller's fsync makes the change durable. What an
/// interrupted call has left is taken away by the next one; one that follows a successful call counts from the new zero.
///
/// # Errors
/// Those of the disk. `InvalidInput`: nothing of the file lies in `shown`, or so little that GStreamer would show none of
/// it: a few frames of a file with a longer lead. `InvalidData`: this is no finished MP4; the message names the box. In
/// each case the file shows what it did before, and its bytes have not changed unless the disk failed.
pub(super) fn present(file: &File, shown: Range<Duration>) -> io::Result<Presented> {
    let found = Layout::read(file)?;
    let size = found.moov.end - found.moov.start;
    if size > MAX_MOOV {
        return Err(bad(*b"moov", format_args!("its {size} bytes are more than the {MAX_MOOV} that are read")));
    }
    let mut old = vec![0; usize::try_from(size).map_err(|_| bad(*b"moov", "it does not fit into memory"))?];
    file.read_exact_at(&mut old, found.moov.start)?;
    let (new, presented) = rewrite(&old, shown)?;

    if found.end < found.length {
        file.set_len(found.end)?;
    }
    if let Err(error) = file.write_all_at(&new, found.end).and_then(|()| file.sync_data()) {
        // Best effort: half an index behind a whole one is passed over by players and by the next try.
        let _ = file.set_len(found.end);
        return Err(error);
    }
    // The first index counts as long as it is one, so it goes last.
    for index in found.stale.iter().rev().chain([&found.moov.start]) {
        file.write_all_at(b"free", index + 4)?;
    }
    Ok(presented)
}

/// Where things are in a file, in bytes.
struct Layout {
    /// The index that counts: the first.
    moov: Range<u64>,
    /// Where further ones begin, which an interrupted [`present`] has left.
    stale: Vec<u64>,
    /// Where the last whole box ends.
    end: u64,
    /// Of the whole file; more than `end` where an interrupted [`present`] has left half an index.
    length: u64,
}

impl Layout {
    fn read(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let (mut moov, mut stale, mut end) = (None, Vec::new(), 0);
        let mut boxes = 0;
        while end < length {
            let room = length - end;
            let mut bytes = [0; LARGE_HEADER];
            let there = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            file.read_exact_at(&mut bytes[..there], end)?;
            match Head::read(&bytes[..there]).and_then(|head| Ok((head.kind, head.size_within(room)?))) {
                Ok((kind, size)) => {
                    match (&kind, &moov) {
                        (b"moov", None) => moov = Some(end..end + size),
                        (b"moov", Some(_)) => stale.push(end),
                        (b"moof", _) => return Err(bad(kind, FRAGMENTS)),
                        _ => {}
                    }
                    end += size;
                }
                // Also zeros: the file had grown already, but not what is in it.
                Err(_)
                    if moov.is_some() && (there < HEADER || bytes[4..8] == *b"moov" || bytes == [0; LARGE_HEADER]) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
            boxes += 1;
            if boxes > MAX_TOP_LEVEL {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("no MP4 of a recording: it has more than {MAX_TOP_LEVEL} boxes"),
                ));
            }
        }
        let moov = moov.ok_or_else(|| bad(*b"moov", "the file has none: it is not a finished MP4"))?;
        Ok(Self { moov, stale, end, length })
    }
}

/// The index `old` with edit lists that show `shown`.
fn rewrite(old: &[u8], shown: Range<Duration>) -> io::Result<(Vec<u8>, Presented)> {
    let moov = Mp4Box::read(old)?;
    if moov.find(*b"mvex")?.is_some() {
        return Err(bad(*b"mvex", FRAGMENTS));
    }
    let mut movie = Header::read_scaled(&moov.need(*b"mvhd")?)?;
    let mut tracks = Vec::new();
    for child in moov.children() {
        let child = child?;
        if child.kind == *b"trak" {
            tracks.push(Track::read(child, movie.number)?);
        }
    }
    let main = tracks.iter().position(|track| track.is_video).unwrap_or(0);
    let scale = finer_scale(movie.number, tracks.get(main).map(|track| track.scale));
    for edit in tracks.iter_mut().flat_map(|track| &mut track.edits) {
        edit.duration = edit
            .duration
            .checked_mul(u64::from(scale / movie.number))
            .ok_or_else(|| bad(*b"elst", format_args!("an edit lasts {}", edit.duration)))?;
    }

    let whole = tracks.iter().map(Track::length).max().unwrap_or(0);
    let mut window = Window {
        start: rescale(nanos(shown.start), NANOS, scale),
        end: rescale(nanos(shown.end), NANOS, scale).min(whole),
        scale,
    };
    if window.start >= window.end {
        let lasts = duration(rescale(whole, scale, NANOS));
        let what = format!("a part from {:?} to {:?} of an MP4 that lasts {lasts:?}", shown.start, shown.end);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let frame = match tracks.get(main) {
        Some(track) if track.is_video => track.frame_at(&window)?,
        _ => None,
    };
    if let Some((start, _)) = frame {
        window.start = start;
    }
    let mut edits = tracks.iter().map(|track| track.narrow(&window)).collect::<io::Result<Vec<_>>>()?;
    if let Some((_, media_time)) = frame
        && let Some(first) = edits.get_mut(main).and_then(|edits| edits.first_mut())
    {
        // Exactly: calculated back from the movie's time it may be a unit off, and the frame would be dropped.
        first.media_time = Some(media_time);
    }
    let changed = tracks.iter().zip(&mut edits).map(|(track, edits)| track.help_gstreamer(edits, &window));
    let changed = changed.collect::<io::Result<Vec<_>>>()?;

    movie.number = scale;
    movie.duration = u64::try_from(window.end - window.start).map_err(|_| bad(*b"mvhd", "it lasts too long"))?;
    let mut new = Vec::with_capacity(old.len() + 1024);
    write_box(&mut new, *b"moov", |out| {
        let mut tracks = tracks.iter().zip(edits).zip(changed);
        for child in moov.children() {
            let child = child?;
            match &child.kind {
                b"mvhd" => movie.write(out)?,
                b"trak" => {
                    if let Some(((track, edits), changed)) = tracks.next() {
                        track.write(&edits, &changed, out)?;
                    }
                }
                _ => out.extend(child.whole),
            }
        }
        Ok(())
    })?;
    let ends = [window.start, window.end].map(|time| duration(rescale(time, scale, NANOS)));
    Ok((new, Presented { shown: ends[0]..ends[1] }))
}

/// The part to show, in the movie's time.
struct Window {
    start: i128,
    end: i128,
    /// Units per second.
    scale: u32,
}

struct Track<'a> {
    whole: Mp4Box<'a>,
    is_video: bool,
    /// The media's time scale in units per second, not 0.
    scale: u32,
    edits: Vec<Edit>,
    samples: Samples<'a>,
}

impl<'a> Track<'a> {
    fn read(whole: Mp4Box<'a>, movie_scale: u32) -> io::Result<Self> {
        let media = whole.need(*b"mdia")?;
        let head = Header::read_scaled(&media.need(*b"mdhd")?)?;
        let mut handler = media.need(*b"hdlr")?.fields();
        let [_version_and_flags, _predefined, kind]: [[u8; 4]; 3] =
            [handler.array()?, handler.array()?, handler.array()?];
        let samples = Samples::read(&media.need(*b"minf")?.need(*b"stbl")?)?;
        let listed = match whole.find(*b"edts")? {
            Some(edits) => edits.find(*b"elst")?,
            None => None,
        };
        let edits = match listed {
            Some(list) => Edit::read_list(&list)?,
            // Without a list, a track shows its media from their zero on.
            None => {
                let duration = rescale(head.duration.into(), head.number, movie_scale);
                let duration = u64::try_from(duration).map_err(|_| bad(*b"mdhd", "it lasts too long"))?;
                vec![Edit { duration, media_time: Some(0) }]
            }
        };
        Ok(Self { whole, is_video: kind == *b"vide", scale: head.number, edits, samples })
    }

    /// How long it lasts, in the movie's time.
    fn length(&self) -> i128 {
        self.edits.iter().map(|edit| i128::from(edit.duration)).sum()
    }

    /// The edits, each with when it begins and ends in the movie's time.
    fn timed_edits(&self) -> impl Iterator<Item = (Range<i128>, Option<i64>)> {
        self.edits.iter().scan(0, |end, edit| {
            let start = *end;
            *end += i128::from(edit.duration);
            Some((start..*end, edit.media_time))
        })
    }

    /// When the frame that is on screen at the window's start begins: in the movie's time, and in the media's. `None`:
    /// there is none.
    fn frame_at(&self, window: &Window) -> io::Result<Option<(i128, i64)>> {
        let Some((edit, Some(media_time))) = self.timed_edits().find(|(edit, _)| edit.contains(&window.start)) else {
            return Ok(None);
        };
        let asked = i128::from(media_time) + rescale(window.start - edit.start, window.scale, self.scale);
        let Some(frame) = self.samples.shown_at(asked)? else { return Ok(None) };
        // A frame that the edit cuts off at its beginning is shown from there.
        let frame = frame.since.max(media_time.into());
        let start = edit.start + rescale(frame - i128::from(media_time), self.scale, window.scale);
        i64::try_from(frame).map(|frame| Some((start, frame))).map_err(|_| bad(*b"stts", "it lasts too long"))
    }

    /// What of the edits lies in the window.
    fn narrow(&self, window: &Window) -> io::Result<Vec<Edit>> {
        let mut narrowed = Vec::new();
        for (edit, media_time) in self.timed_edits() {
            let (start, end) = (edit.start.max(window.start), edit.end.min(window.end));
            if start >= end {
                continue;
            }
            let too_long = || bad(*b"elst", "an edit lasts too long");
            let skipped = rescale(start - edit.start, window.scale, self.scale);
            let media_time = media_time.map(|time| i64::try_from(i128::from(time) + skipped)).transpose();
            narrowed.push(Edit {
                duration: u64::try_from(end - start).map_err(|_| too_long())?,
                media_time: media_time.map_err(|_| too_long())?,
            });
        }
        if narrowed.is_empty() {
            // No entry at all would mean everything.
            let duration = u64::try_from(window.end - window.start).map_err(|_| bad(*b"elst", "it lasts too long"))?;
            narrowed.push(Edit { duration, media_time: None });
        }
        Ok(narrowed)
    }

    /// What of the index has to change beside the edits, which are corrected for it, so that GStreamer shows them whole.
    ///
    /// It begins to decode with the sample that is nearest in the order of decoding, even if the first frame to be shown
    /// needs more. So such a one is no longer said to be one with which decoding can begin.
    ///
    /// Its demuxer, qtdemux (1.22.0, and others), compares the wrong clocks: it ends a track when the *media's* time, which
    /// runs on from the beginning of the edit, has reached the *movie's* duration; but it asks only behind a sample with
    /// which decoding can begin. So those near the end are no longer said to be such samples; where someone seeks there,
    /// decoding begins a little earlier. This does not help where the edit begins later in the media than it is long: then
    /// what is only there to decode, and never shown, is given next to no duration.
    ///
    /// Its decoders take every frame to last as long as the frame rate says, and so show the one before the first where a
    /// camera's frames are not quite even. So a pause is set between the two.
    fn help_gstreamer(&self, edits: &mut [Edit], window: &Window) -> io::Result<Changed> {
        let mut changed = Changed::default();
        let shows = |edit: &Edit| edit.media_time.is_some();
        let Some(last) = edits.iter().rposition(shows) else { return Ok(changed) };
        let Some((last, before)) = edits.get_mut(..=last).and_then(<[Edit]>::split_last_mut) else {
            return Ok(changed);
        };
        let begins: i128 = before.iter().map(|edit| i128::from(edit.duration)).sum();
        let end = rescale(window.end - window.start - begins, window.scale, self.scale);
        let begins_in_media = i128::from(last.media_time.unwrap_or_default());
        let first = if before.iter().any(shows) { None } else { self.samples.shown_at(begins_in_media)? };
        if let Some(first) = &first {
            let is_late = first.since + first.step + self.samples.pause()? >= end;
            if is_late || self.is_video {
                self.samples.set_apart(first.since, is_late, &mut changed)?;
            }
            if self.is_video && begins_in_media - changed.earlier >= end {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, TOO_SHORT));
            }
            let moved = i64::try_from(begins_in_media - changed.earlier);
            last.media_time = Some(moved.map_err(|_| bad(*b"elst", "an edit begins too late"))?);
        }
        self.samples.unmark(first.as_ref(), end + changed.earlier, &mut changed)?;
        Ok(changed)
    }

    /// The track with other edits.
    fn write(&self, edits: &[Edit], changed: &Changed, out: &mut Vec<u8>) -> io::Result<()> {
        let length = edits.iter().try_fold(0_u64, |sum, edit| sum.checked_add(edit.duration));
        let length = length.ok_or_else(|| bad(*b"tkhd", "it lasts too long"))?;
        let has_edits = self.whole.find(*b"edts")?.is_some();
        write_box(out, self.whole.kind, |out| {
            for child in self.whole.children() {
                let child = child?;
                match &child.kind {
                    b"tkhd" => {
                        let mut head = Header::read(&child)?;
                        head.duration = length;
                        head.write(out)?;
                        if !has_edits {
                            write_box(out, *b"edts", |out| Edit::write_list(edits, out))?;
                        }
                    }
                    b"edts" => write_box(out, child.kind, |out| Edit::write_list(edits, out))?,
                    b"mdia" => copy_media(&child, changed, out)?,
                    _ => out.extend(child.whole),
                }
            }
            Ok(())
        })
    }
}

/// Copies a box of the media down to its tables, with those that have changed.
fn copy_media(from: &Mp4Box<'_>, changed: &Changed, out: &mut Vec<u8>) -> io::Result<()> {
    write_box(out, from.kind, |out| {
        for child in from.children() {
            let child = child?;
            match (&child.kind, changed) {
                (b"minf" | b"stbl", _) => copy_media(&child, changed, out)?,
                (b"stts", Changed { stts: Some(table), .. })
                | (b"ctts", Changed { ctts: Some(table), .. })
                | (b"stss", Changed { stss: Some(table), .. }) => out.extend(table),
                (b"mdhd", Changed { earlier, .. }) if *earlier != 0 => {
                    let mut head = Header::read(&child)?;
                    head.duration = u64::try_from(i128::from(head.duration) - earlier).unwrap_or(0);
                    head.write(out)?;
                }
                _ => out.extend(child.whole),
            }
        }
        Ok(())
    })
}

/// A time scale for the movie in which its old times, those of the main track and milliseconds are whole numbers, as
/// far as [`MAX_SCALE`] allows: 25 fps come as 2500, where 1 ms would be two and a half units. A multiple of `movie`.
fn finer_scale(movie: u32, main: Option<u32>) -> u32 {
    main.into_iter().chain([1000]).fold(movie, |scale, wanted| {
        let multiple = wanted / common_divisor(scale, wanted);
        scale.checked_mul(multiple).filter(|scale| *scale <= MAX_SCALE).unwrap_or(scale)
    })
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

fn nanos(time: Duration) -> i128 {
    // At most 2^94.
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

fn duration(nanos: i128) -> Duration {
    // The longest time that this holds is 584 years.
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
