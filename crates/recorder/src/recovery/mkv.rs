//! Completes a Matroska file where it lies: `Cues` go behind the last whole block, then the sizes, the duration and the
//! positions that matroskamux fills in at the end are filled in. No media is copied.
//! Layout: RFC 9559; what is open while matroskamux 1.22 writes was seen with strace. Writing is left to `finish`.

use super::ebml::{Element, children, element, element_at, number, size_bytes, to_uint, uint};
use super::finish::{Found, Plan};
use super::input::Input;
use super::{Halt, StreamFigures};
use crate::core::Stream;

const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114D_9B74;
const INFO: u32 = 0x1549_A966;
const TRACKS: u32 = 0x1654_AE6B;
const CLUSTER: u32 = 0x1F43_B675;
const CUES: u32 = 0x1C53_BB6B;
const TAGS: u32 = 0x1254_C367;
const CHAPTERS: u32 = 0x1043_A770;
const ATTACHMENTS: u32 = 0x1941_A469;
const VOID: u32 = 0xEC;

/// Elements that end a cluster of unknown size.
const TOP_LEVEL: [u32; 8] = [SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS, CHAPTERS, ATTACHMENTS];

/// A frame (or several of them that share a header).
struct Block {
    track: u64,
    /// Since its cluster's time, in the file's time scale.
    time: i64,
    frames: u64,
    key: bool,
    duration: Option<u64>,
}

struct Track {
    number: u64,
    default_duration_ns: Option<u64>,
    figures: StreamFigures,
    /// The two latest presentation times.
    previous_ns: i64,
    last_duration_ns: Option<u64>,
}

/// What the walk through a file finds out.
struct Walk {
    segment: Element,
    seek_head: Option<Element>,
    info: Option<Element>,
    /// Nanoseconds per unit of time.
    scale: u64,
    tracks: Vec<Track>,
    /// Sizes that are to be corrected: where, how many bytes, and what they should say.
    sizes: Vec<(u64, u64, u64)>,
    /// Time and position of each cluster's keyframes.
    cues: Vec<(u64, u64, u64)>,
    /// Where elements are that `SeekHead` speaks of.
    places: Vec<(u32, u64)>,
    /// What comes after is incomplete, or not media.
    end: u64,
}

/// Finds out what there is and what is to be done.
pub(super) fn inspect(input: &Input) -> Result<Found, Halt> {
    let Some(segment) = segment(input)? else {
        return Ok(if input.len < 64 || input.begins_with_nothing()? { Found::Empty } else { Found::Foreign });
    };
    let mut walk = Walk {
        seek_head: None,
        info: None,
        scale: 1_000_000,
        tracks: Vec::new(),
        sizes: Vec::new(),
        cues: Vec::new(),
        places: Vec::new(),
        end: segment.body,
        segment,
    };
    walk.run(input)?;
    let streams = walk.figures();
    if streams.is_empty() {
        return Ok(Found::Empty);
    }
    let closed = walk.segment.end_within(input.len) == Some(input.len);
    if closed && walk.sizes.is_empty() && walk.places.iter().any(|(id, _)| *id == CUES) {
        return Ok(Found::Whole(streams));
    }
    Ok(Found::Unfinished(walk.plan(input, streams)?))
}

fn segment(input: &Input) -> Result<Option<Element>, Halt> {
    let Some(head) = element_at(input, 0, input.len)?.filter(|head| head.id == EBML) else { return Ok(None) };
    let Some(at) = head.end_within(input.len) else { return Ok(None) };
    Ok(element_at(input, at, input.len)?.filter(|segment| segment.id == SEGMENT))
}

impl Walk {
    fn run(&mut self, input: &Input) -> Result<(), Halt> {
        let limit = self.segment.end_within(input.len).unwrap_or(input.len);
        let mut at = self.segment.body;
        while let Some(found) = element_at(input, at, limit)? {
            if found.id == CLUSTER {
                let Some(end) = self.cluster(input, &found, limit)? else { break };
                (at, self.end) = (end, end);
                continue;
            }
            let Some(end) = found.end_within(limit) else { break };
            match found.id {
                SEEK_HEAD => self.seek_head = Some(found.clone()),
                INFO => self.info(input, &found)?,
                TRACKS => self.tracks(input, &found)?,
                VOID | TAGS | CUES | CHAPTERS | ATTACHMENTS => {}
                _ => break,
            }
            self.places.push((found.id, found.at - self.segment.body));
            at = end;
            // New `Cues` go behind the media, over old ones.
            if matches!(found.id, SEEK_HEAD | INFO | TRACKS) {
                self.end = end;
            }
        }
        Ok(())
    }

    fn info(&mut self, input: &Input, found: &Element) -> Result<(), Halt> {
        let content = input.read(found.body, found.size.unwrap_or(0))?.unwrap_or_default();
        let scale = children(&content).find(|(id, _)| *id == 0x2A_D7B1).map(|(_, scale)| to_uint(scale));
        self.scale = scale.filter(|scale| (1..=1_000_000_000).contains(scale)).unwrap_or(self.scale);
        self.info = Some(found.clone());
        Ok(())
    }

    fn tracks(&mut self, input: &Input, found: &Element) -> Result<(), Halt> {
        let content = input.read(found.body, found.size.unwrap_or(0))?.unwrap_or_default();
        self.tracks = children(&content).filter(|(id, _)| *id == 0xAE).filter_map(|(_, entry)| track(entry)).collect();
        Ok(())
    }

    /// Walks through a cluster; returns where it ends, or `None` where nothing of it is whole.
    fn cluster(&mut self, input: &Input, cluster: &Element, limit: u64) -> Result<Option<u64>, Halt> {
        let stated = cluster.end_within(limit);
        let limit = stated.unwrap_or(limit);
        let (mut end, mut time, mut any) = (cluster.body, 0_i64, false);
        while let Some(found) = element_at(input, end, limit)? {
            if TOP_LEVEL.contains(&found.id) {
                break;
            }
            let Some(next) = found.end_within(limit) else { break };
            let block = match found.id {
                0xE7 => {
                    let content = input.read(found.body, found.size.unwrap_or(0).min(8))?.unwrap_or_default();
                    time = i64::try_from(to_uint(&content)).unwrap_or(i64::MAX);
                    None
                }
                0xA3 => block(input, &found, next)?,
                0xA0 => block_group(input, &found, next)?,
                0 => break,
                _ => None,
            };
            if let Some(block) = block {
                any = true;
                self.count(&block, time, cluster.at - self.segment.body);
            }
            end = next;
        }
        if !any {
            return Ok(None);
        }
        if stated != Some(end) {
            self.sizes.push((cluster.size_at, cluster.size_len, end - cluster.body));
        }
        Ok(Some(end))
    }

    fn count(&mut self, block: &Block, cluster_time: i64, position: u64) {
        let scale = self.scale;
        let video = self.tracks.iter().any(|track| track.figures.stream == Stream::Video);
        let Some(track) = self.tracks.iter_mut().find(|track| track.number == block.track) else { return };
        let time = cluster_time.saturating_add(block.time);
        let ns = |units: i64| units.saturating_mul(scale.cast_signed());
        let at = ns(time);
        let figures = &mut track.figures;
        if figures.frames == 0 {
            (figures.first_ns, figures.last_ns) = (at, at);
        }
        figures.first_ns = figures.first_ns.min(at);
        if at >= figures.last_ns {
            track.previous_ns = figures.last_ns;
            track.last_duration_ns = block.duration.map(|units| units.saturating_mul(scale));
            figures.last_ns = at;
        }
        figures.frames += block.frames;
        // Players seek to keyframes; where there are none, the beginning of each cluster must do.
        let first_of_cluster = self.cues.last().is_none_or(|(_, _, last)| *last != position);
        let seekable = if video { figures.stream == Stream::Video && block.key } else { first_of_cluster };
        if seekable && let Ok(time) = u64::try_from(time) {
            self.cues.push((time, track.number, position));
        }
    }

    /// The tracks that have frames.
    fn figures(&self) -> Vec<StreamFigures> {
        let tracks = self.tracks.iter().filter(|track| track.figures.frames > 0);
        tracks
            .map(|track| {
                let interval = u64::try_from(track.figures.last_ns.saturating_sub(track.previous_ns)).unwrap_or(0);
                let shown = track.last_duration_ns.or(track.default_duration_ns).unwrap_or(interval);
                let end_ns = track.figures.last_ns.saturating_add_unsigned(shown);
                StreamFigures { end_ns, ..track.figures.clone() }
            })
            .collect()
    }

    fn plan(&self, input: &Input, streams: Vec<StreamFigures>) -> Result<Plan, Halt> {
        let points: Vec<u8> = self
            .cues
            .iter()
            .flat_map(|(time, track, position)| {
                let place = element(0xB7, &[uint(0xF7, *track), uint(0xF1, *position)].concat());
                element(0xBB, &[uint(0xB3, *time), place].concat())
            })
            .collect();
        let cues = element(CUES, &points);
        let mut patches = Vec::new();
        for (at, len, size) in &self.sizes {
            patches.extend(size_bytes(*size, *len).map(|bytes| (*at, bytes)));
        }
        let end_ns = streams.iter().map(|stream| stream.end_ns).max().unwrap_or(0);
        if let Some(info) = &self.info {
            patches.extend(duration(input, info, end_ns as f64 / self.scale as f64)?);
        }
        if let Some(seek_head) = &self.seek_head {
            let mut places: Vec<_> =
                self.places.iter().copied().filter(|(id, _)| [INFO, TRACKS].contains(id)).collect();
            places.push((CUES, self.end - self.segment.body));
            patches.extend(seeks(input, seek_head, &places)?);
        }
        // Last: with it the file is closed.
        let size = self.end + cues.len() as u64 - self.segment.body;
        patches.extend(size_bytes(size, self.segment.size_len).map(|bytes| (self.segment.size_at, bytes)));
        Ok(Plan { streams, end: self.end, index: cues, patches, undo: Vec::new() })
    }
}

/// Matroska's track entry.
fn track(entry: &[u8]) -> Option<Track> {
    let find = |body, wanted| children(body).find(|(id, _)| *id == wanted).map(|(_, content)| content);
    let stream = match to_uint(find(entry, 0x83)?) {
        1 => Stream::Video,
        2 => Stream::Audio,
        _ => return None,
    };
    let mut figures = StreamFigures::new(stream, &codec(find(entry, 0x86)?, find(entry, 0x63A2)));
    let number = |body, id| find(body, id).and_then(|content| i32::try_from(to_uint(content)).ok());
    if let Some(video) = find(entry, 0xE0) {
        (figures.width, figures.height) = (number(video, 0xB0), number(video, 0xBA));
    }
    if let Some(audio) = find(entry, 0xE1) {
        figures.channels = number(audio, 0x9F).or(Some(1));
        figures.rate = find(audio, 0xB5).and_then(to_float).map(|rate| rate as i32);
    }
    Some(Track {
        number: to_uint(find(entry, 0xD7)?),
        default_duration_ns: find(entry, 0x23_E383).map(to_uint),
        figures,
        previous_ns: 0,
        last_duration_ns: None,
    })
}

fn to_float(content: &[u8]) -> Option<f64> {
    match content.len() {
        4 => Some(f32::from_be_bytes(content.try_into().ok()?).into()),
        8 => Some(f64::from_be_bytes(content.try_into().ok()?)),
        _ => None,
    }
}

/// The caps of a codec id (RFC 9559 and the Matroska codec list).
fn codec(id: &[u8], private: Option<&[u8]>) -> String {
    // WAVEFORMATEX begins with the format's number, little-endian.
    let wave = private.and_then(|private| private.get(..2)).map(|tag| u16::from_le_bytes([tag[0], tag[1]]));
    // BITMAPINFOHEADER has the format's four letters at byte 16.
    let is_jpeg = private.and_then(|private| private.get(16..20)).is_some_and(|letters| letters == b"MJPG");
    let id = String::from_utf8_lossy(id);
    match (id.trim_end_matches('\0'), wave) {
        ("V_MPEG4/ISO/AVC", _) => "video/x-h264".into(),
        ("V_MPEGH/ISO/HEVC", _) => "video/x-h265".into(),
        ("V_AV1", _) => "video/x-av1".into(),
        ("V_VP8", _) => "video/x-vp8".into(),
        ("V_VP9", _) => "video/x-vp9".into(),
        ("V_MJPEG", _) => "image/jpeg".into(),
        ("V_MS/VFW/FOURCC", _) if is_jpeg => "image/jpeg".into(),
        ("A_OPUS", _) => "audio/x-opus".into(),
        ("A_MS/ACM", Some(7)) => "audio/x-mulaw".into(),
        ("A_MS/ACM", Some(6)) => "audio/x-alaw".into(),
        (id, _) if id.starts_with("A_AAC") => "audio/mpeg,mpegversion=4".into(),
        (id, _) if id.starts_with("A_MPEG/") => "audio/mpeg,mpegversion=1".into(),
        (id, _) => id.to_owned(),
    }
}

/// The header of a block that ends at `end`.
fn block(input: &Input, found: &Element, end: u64) -> Result<Option<Block>, Halt> {
    // Track number, time, flags, number of laced frames.
    let Some(head) = input.read(found.body, (end - found.body).min(12))? else { return Ok(None) };
    let parse = || {
        let (track, at) = number(&head)?;
        let (time, flags) = (head.get(at..at + 2)?, *head.get(at + 2)?);
        let frames = if flags & 0x06 == 0 { 1 } else { u64::from(*head.get(at + 3)?) + 1 };
        let time = i16::from_be_bytes([time[0], time[1]]).into();
        Some(Block { track: track?, time, frames, key: flags & 0x80 != 0, duration: None })
    };
    Ok(parse())
}

fn block_group(input: &Input, group: &Element, end: u64) -> Result<Option<Block>, Halt> {
    let (mut found, mut duration, mut refers) = (None, None, false);
    let mut at = group.body;
    while let Some(child) = element_at(input, at, end)? {
        let Some(next) = child.end_within(end) else { break };
        match child.id {
            0xA1 => found = block(input, &child, next)?,
            0x9B => duration = input.read(child.body, (next - child.body).min(8))?.map(|content| to_uint(&content)),
            0xFB => refers = true,
            _ => {}
        }
        at = next;
    }
    Ok(found.map(|block| Block { key: !refers, duration, ..block }))
}

/// Fills in `Duration`, which matroskamux writes with 0 at first.
fn duration(input: &Input, info: &Element, units: f64) -> Result<Option<(u64, Vec<u8>)>, Halt> {
    let (mut at, end) = (info.body, info.end_within(input.len).unwrap_or(info.body));
    while let Some(child) = element_at(input, at, end)? {
        match (child.id, child.size) {
            (0x4489, Some(8)) => return Ok(Some((child.body, units.to_be_bytes().to_vec()))),
            (0x4489, Some(4)) => return Ok(Some((child.body, (units as f32).to_be_bytes().to_vec()))),
            _ => {}
        }
        let Some(next) = child.end_within(end) else { break };
        at = next;
    }
    Ok(None)
}

/// Fills in where elements are, and blanks the entries of elements that there are not.
fn seeks(input: &Input, seek_head: &Element, places: &[(u32, u64)]) -> Result<Vec<(u64, Vec<u8>)>, Halt> {
    let (mut at, end) = (seek_head.body, seek_head.end_within(input.len).unwrap_or(seek_head.body));
    let mut patches = Vec::new();
    while let Some(seek) = element_at(input, at, end)? {
        let Some(next) = seek.end_within(end) else { break };
        if seek.id == 0x4DBB {
            let (mut wanted, mut position, mut inner) = (0, None, seek.body);
            while let Some(child) = element_at(input, inner, next)? {
                let Some(after) = child.end_within(next) else { break };
                match child.id {
                    0x53AB => {
                        let id = input.read(child.body, (after - child.body).min(4))?.unwrap_or_default();
                        wanted = to_uint(&id) as u32;
                    }
                    0x53AC if child.size == Some(8) => position = Some(child.body),
                    _ => {}
                }
                inner = after;
            }
            match (places.iter().find(|(id, _)| *id == wanted), position) {
                (Some((_, place)), Some(at)) => patches.push((at, place.to_be_bytes().to_vec())),
                // `Void` of the same length: its id is a byte, and 8 bytes of size fit into every entry.
                _ => {
                    let void = (next - at).checked_sub(9).and_then(|size| size_bytes(size, 8));
                    patches.extend(void.map(|size| (at, [vec![0xEC], size].concat())));
                }
            }
        }
        at = next;
    }
    Ok(patches)
}
