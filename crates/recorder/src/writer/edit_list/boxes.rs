//! The boxes of an MP4 file (ISO/IEC 14496-12) as far as edit lists need them: walking, headers with durations, edits.
//! Every read is checked against the box it is in; a damaged file gives an error that names the box, never a panic.
//! What the figures mean, and how a file is changed safely, is left to `edit_list`.

use std::io;

/// A box's four-character type.
pub(super) type Kind = [u8; 4];

/// Length of a box's usual header in bytes: 32 bits of size and the type.
pub(super) const HEADER: usize = 8;
/// Length of a box's header where the size has 64 bits and follows the type.
pub(super) const LARGE_HEADER: usize = 16;

/// `media_time` of an edit during which the track shows nothing.
const EMPTY: i64 = -1;
/// `media_rate` of an edit that is played as it is: 1.0, as a 16.16 fixed-point number.
const NORMAL_RATE: u32 = 0x1_0000;

/// An error that says what is wrong in which box.
pub(super) fn bad(kind: Kind, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("MP4 box '{}': {what}", kind.escape_ascii()))
}

/// What the first bytes of a box say of it: type, length of the header, length of the whole box in bytes. The box
/// has `room` bytes at most. A size of 0, "to the end of the file", counts as too small.
pub(super) fn header(bytes: &[u8], room: u64) -> io::Result<(Kind, usize, u64)> {
    let mut fields = Fields { kind: *b"????", rest: bytes };
    let size = fields.u32()?;
    let kind = fields.array()?;
    fields.kind = kind;
    let (length, size) = if size == 1 { (LARGE_HEADER, fields.u64()?) } else { (HEADER, u64::from(size)) };
    if size < length as u64 || size > room {
        return Err(bad(kind, format_args!("a size of {size} bytes where there are {room}")));
    }
    Ok((kind, length, size))
}

/// A box in memory.
#[derive(Clone, Copy)]
pub(super) struct Mp4Box<'a> {
    pub(super) kind: Kind,
    /// With its header.
    pub(super) whole: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Mp4Box<'a> {
    /// The box at the beginning of `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> io::Result<Self> {
        let (kind, length, size) = header(bytes, bytes.len() as u64)?;
        let cut = || bad(kind, "it is cut short");
        let whole = usize::try_from(size).ok().and_then(|size| bytes.get(..size)).ok_or_else(cut)?;
        Ok(Self { kind, whole, body: whole.get(length..).ok_or_else(cut)? })
    }

    /// The boxes within.
    pub(super) fn children(&self) -> Children<'a> {
        Children { rest: self.body }
    }

    /// The first box of a type within.
    pub(super) fn find(&self, kind: Kind) -> io::Result<Option<Self>> {
        self.children().find(|child| !matches!(child, Ok(child) if child.kind != kind)).transpose()
    }

    /// The first box of a type within, which has to be there.
    pub(super) fn need(&self, kind: Kind) -> io::Result<Self> {
        self.find(kind)?.ok_or_else(|| bad(self.kind, format_args!("there is no '{}' in it", kind.escape_ascii())))
    }

    pub(super) fn fields(&self) -> Fields<'a> {
        Fields { kind: self.kind, rest: self.body }
    }

    /// The rows of a table: version, flags and the number of rows come first. `N` is a row's length in bytes.
    pub(super) fn rows<const N: usize>(&self) -> io::Result<&'a [[u8; N]]> {
        let mut fields = self.fields();
        let _version_and_flags: [u8; 4] = fields.array()?;
        let count = fields.u32()?;
        let (rows, _) = fields.rest.as_chunks();
        let cut = || bad(self.kind, format_args!("it has room for {} of its {count} entries", rows.len()));
        usize::try_from(count).ok().and_then(|count| rows.get(..count)).ok_or_else(cut)
    }
}

/// Box after box, until the end or the first damaged one.
pub(super) struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Children<'a> {
    type Item = io::Result<Mp4Box<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let child = Mp4Box::read(self.rest);
        // Behind a damaged box nothing can be found.
        self.rest = child.as_ref().ok().and_then(|child| self.rest.get(child.whole.len()..)).unwrap_or_default();
        Some(child)
    }
}

/// The numbers of a box, one after the other, big-endian.
pub(super) struct Fields<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl Fields<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| bad(self.kind, "it is cut short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A time: 64 bits from version 1 on, 32 before.
    fn time(&mut self, version: u8) -> io::Result<u64> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }
}

/// What `mvhd`, `mdhd` and `tkhd` have in common: they are the same but for one number.
pub(super) struct Header<'a> {
    kind: Kind,
    version: u8,
    flags: [u8; 3],
    /// When it was created and last modified.
    dates: [u64; 2],
    /// `mvhd`, `mdhd`: the time scale in units per second. `tkhd`: the track's number.
    pub(super) number: u32,
    /// `tkhd` only.
    reserved: Option<u32>,
    pub(super) duration: u64,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn read(from: &Mp4Box<'a>) -> io::Result<Self> {
        let mut fields = from.fields();
        let [version, flags @ ..]: [u8; 4] = fields.array()?;
        if version > 1 {
            return Err(bad(from.kind, format_args!("its version is {version}; known are 0 and 1")));
        }
        let dates = [fields.time(version)?, fields.time(version)?];
        let number = fields.u32()?;
        let reserved = if from.kind == *b"tkhd" { Some(fields.u32()?) } else { None };
        let duration = fields.time(version)?;
        Ok(Self { kind: from.kind, version, flags, dates, number, reserved, duration, rest: fields.rest })
    }

    /// As [`Self::read`]; for a header with a time scale, which is then not 0.
    pub(super) fn read_scaled(from: &Mp4Box<'a>) -> io::Result<Self> {
        let header = Self::read(from)?;
        if header.number == 0 { Err(bad(from.kind, "its time scale is 0")) } else { Ok(header) }
    }

    /// The box again; in version 1 where version 0 has no room for the duration.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let version = if u32::try_from(self.duration).is_ok() { self.version } else { 1 };
        write_box(out, self.kind, |out| {
            out.push(version);
            out.extend(self.flags);
            self.dates.into_iter().for_each(|date| write_time(out, version, date));
            out.extend(self.number.to_be_bytes());
            out.extend(self.reserved.iter().flat_map(|reserved| reserved.to_be_bytes()));
            write_time(out, version, self.duration);
            out.extend(self.rest);
            Ok(())
        })
    }
}

/// One entry of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// In the movie's time scale.
    pub(super) duration: u64,
    /// Where in the track's media it begins, in the media's time scale. `None`: it shows nothing.
    pub(super) media_time: Option<i64>,
}

impl Edit {
    /// The entries of an `elst`.
    pub(super) fn read_list(elst: &Mp4Box<'_>) -> io::Result<Vec<Self>> {
        let edit = |duration, media_time: i64, rate| match (media_time, rate) {
            (EMPTY, _) => Ok(Self { duration, media_time: None }),
            (0.., NORMAL_RATE) => Ok(Self { duration, media_time: Some(media_time) }),
            (0.., _) => Err(bad(elst.kind, format_args!("an edit is played at the rate {rate:#x}, not at 1.0"))),
            _ => Err(bad(elst.kind, format_args!("an edit begins at {media_time}"))),
        };
        match elst.fields().array()? {
            [0] => {
                let row = |row: &[u8; 12]| {
                    let mut fields = Fields { kind: elst.kind, rest: row };
                    let (duration, media_time) = (fields.u32()?, i32::from_be_bytes(fields.array()?));
                    edit(duration.into(), media_time.into(), fields.u32()?)
                };
                elst.rows()?.iter().map(row).collect()
            }
            [1] => {
                let row = |row: &[u8; 20]| {
                    let mut fields = Fields { kind: elst.kind, rest: row };
                    edit(fields.u64()?, i64::from_be_bytes(fields.array()?), fields.u32()?)
                };
                elst.rows()?.iter().map(row).collect()
            }
            [version] => Err(bad(elst.kind, format_args!("its version is {version}; known are 0 and 1"))),
        }
    }

    /// An `elst` of these entries: in version 0, which every player knows, where they fit.
    pub(super) fn write_list(edits: &[Self], out: &mut Vec<u8>) -> io::Result<()> {
        let is_short = |edit: &Self| {
            u32::try_from(edit.duration).is_ok() && i32::try_from(edit.media_time.unwrap_or(EMPTY)).is_ok()
        };
        let version = u8::from(!edits.iter().all(is_short));
        write_box(out, *b"elst", |out| {
            out.extend([version, 0, 0, 0]);
            let count = u32::try_from(edits.len()).map_err(|_| bad(*b"elst", "it has too many entries"))?;
            out.extend(count.to_be_bytes());
            for edit in edits {
                write_time(out, version, edit.duration);
                // The low half of a negative number that fits into it is that number again.
                write_time(out, version, edit.media_time.unwrap_or(EMPTY) as u64);
                out.extend(NORMAL_RATE.to_be_bytes());
            }
            Ok(())
        })
    }
}

/// Appends a time that fits into 32 bits in version 0.
fn write_time(out: &mut Vec<u8>, version: u8, time: u64) {
    if version == 0 { out.extend((time as u32).to_be_bytes()) } else { out.extend(time.to_be_bytes()) }
}

/// Appends a box with what `body` appends.
pub(super) fn write_box(
    out: &mut Vec<u8>,
    kind: Kind,
    body: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    body(out)?;
    let size = u32::try_from(out.len() - start).map_err(|_| bad(kind, "it would be larger than 4 GiB"))?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&size.to_be_bytes());
    }
    Ok(())
}
