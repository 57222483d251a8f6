//! The top level of an MP4 file that mp4mux has begun: which boxes are there, and up to where it is whole.
//! Layout as mp4mux 1.22 writes it with `first-moov-then-finalise` (seen with strace): `ftyp`, `free`, `mdat` and the
//! first `moov`; then `free`, `mdat`, `moof` per fragment. With `dash-or-mss`: `ftyp`, `moov`; then `moof`, `mdat`.
//! What the boxes say is left to `samples` and `moov`.

use std::ops::Range;

use crate::mp4::{Head, Kind, LARGE_HEADER};
use crate::recovery::Halt;
use crate::recovery::input::Input;

/// The first `moov` comes after the first fragment, which is half a second: 64 MiB are more than 1 Gbit/s.
const SEARCHED: u64 = 64 << 20;

/// A box in the file. One of no stated size is one that mp4mux is writing into.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) head: Head,
}

impl Place {
    /// The whole box, if the file has it whole.
    pub(super) fn range(&self, len: u64) -> Option<Range<u64>> {
        let end = self.at.checked_add(self.head.size?)?;
        (end <= len).then_some(self.at..end)
    }
}

/// What there is of a file.
#[derive(Debug)]
pub(super) enum Layout {
    /// Not an MP4 file.
    Foreign,
    /// No index has been written yet: nobody can tell the frames apart.
    Empty,
    /// Complete: one index for everything.
    Ordinary { moov: Range<u64> },
    /// In fragments.
    Unfinished(Fragments),
}

/// A file in fragments.
#[derive(Debug)]
pub(super) struct Fragments {
    /// The box that is to hold everything up to the new index: the first `mdat`, or the first index where that comes
    /// before.
    pub(super) cover: Place,
    /// The box before it is an empty `free`, to make room for a 64-bit size.
    pub(super) room: bool,
    /// The first index.
    pub(super) moov: Range<u64>,
    pub(super) moofs: Vec<Range<u64>>,
    /// What comes after is incomplete.
    pub(super) end: u64,
}

/// Reads a box's header. `None`: there is no box.
fn place_at(input: &Input, at: u64) -> Result<Option<Place>, Halt> {
    let room = input.len.saturating_sub(at);
    let Some(bytes) = input.read(at, room.min(LARGE_HEADER as u64))? else { return Ok(None) };
    let is_letter = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    Ok(Head::read(&bytes).ok().filter(|head| head.kind.iter().all(is_letter)).map(|head| Place { at, head }))
}

/// mp4mux overwrites the first letter of the first `moov` when it begins to finalise, so that no player finds it.
fn is_index(kind: Kind) -> bool {
    kind == *b"moov" || kind == *b"hoov"
}

/// Whether an index promises fragments.
fn has_mvex(input: &Input, moov: &Range<u64>) -> Result<bool, Halt> {
    let mut at = moov.start + 8;
    while at < moov.end {
        match place_at(input, at)? {
            Some(place) if place.head.kind == *b"mvex" => return Ok(true),
            Some(Place { head: Head { size: Some(size), .. }, .. }) => at = at.saturating_add(size),
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Walks through the top level.
pub(super) fn scan(input: &Input) -> Result<Layout, Halt> {
    match place_at(input, 0)? {
        Some(place) if place.head.kind == *b"ftyp" => {}
        _ if input.len < 8 || input.begins_with_nothing()? => return Ok(Layout::Empty),
        _ => return Ok(Layout::Foreign),
    }
    let mut at = 0;
    let mut before: Option<Place> = None;
    let mut mdat: Option<(Place, bool)> = None;
    while let Some(place) = place_at(input, at)? {
        let whole = place.range(input.len);
        if place.head.kind == *b"mdat" && mdat.is_none() {
            let room = before.as_ref().is_some_and(|free| free.head.kind == *b"free" && free.head.size == Some(8));
            mdat = Some((place.clone(), room));
        }
        let Some(whole) = whole else { break };
        if is_index(place.head.kind) {
            let (cover, room) = mdat.unwrap_or((place.clone(), false));
            if place.head.kind == *b"moov" && !has_mvex(input, &whole)? {
                return Ok(Layout::Ordinary { moov: whole });
            }
            return Ok(Layout::Unfinished(fragments(input, cover, room, whole)?));
        }
        before = Some(place);
        at = whole.end;
    }
    // Killed in the middle of mp4mux's finalisation: the first `mdat` has been given the whole file's size, and the
    // first index is inside of it.
    let Some((mdat, room)) = mdat else { return Ok(Layout::Empty) };
    match buried_index(input, mdat.at + mdat.head.length as u64)? {
        Some(moov) => Ok(Layout::Unfinished(fragments(input, mdat, room, moov)?)),
        None => Ok(Layout::Empty),
    }
}

/// Collects the fragments after the first index, up to whatever is incomplete or a second index.
fn fragments(input: &Input, cover: Place, room: bool, moov: Range<u64>) -> Result<Fragments, Halt> {
    let mut end = moov.end;
    let mut moofs = Vec::new();
    while let Some(place) = place_at(input, end)? {
        let Some(whole) = place.range(input.len).filter(|_| !is_index(place.head.kind)) else { break };
        end = whole.end;
        if place.head.kind == *b"moof" {
            moofs.push(whole);
        }
    }
    Ok(Fragments { cover, room, moov, moofs, end })
}

/// Looks for an index in media data: a box `moov` (or what mp4mux makes of it) that begins with a box `mvhd`.
fn buried_index(input: &Input, from: u64) -> Result<Option<Range<u64>>, Halt> {
    const STEP: u64 = 1 << 20;
    const PATTERN: u64 = 16;
    let limit = input.len.min(from.saturating_add(SEARCHED));
    let mut at = from;
    while at + PATTERN <= limit {
        let Some(bytes) = input.read(at, (STEP + PATTERN).min(limit - at))? else { return Ok(None) };
        let found = bytes.windows(PATTERN as usize).zip(at..).find_map(|(window, start)| {
            let kind = [window[4], window[5], window[6], window[7]];
            if !is_index(kind) || &window[12..16] != b"mvhd" {
                return None;
            }
            // A `mvhd` is 108 bytes, or 120 with 64-bit times (ISO/IEC 14496-12, 8.2.2).
            Head::read(&window[8..]).ok().filter(|head| matches!(head.size, Some(108 | 120)))?;
            let size = Head::read(window).ok()?.size_within(input.len - start).ok()?;
            Some(start..start + size)
        });
        if let Some(found) = found
            && has_mvex(input, &found)?
        {
            return Ok(Some(found));
        }
        at += STEP;
    }
    Ok(None)
}
