//! Boxes (ISO/IEC 14496-12, 4.2): their headers, walking through them, their numbers, and writing them.
//! Every read is checked against the box it is in; a damaged file gives an error that names the box, never a panic.
//! What is in which box is left to the modules beside this one and to their users.

use std::io;

/// A box's four-character type.
pub(crate) type Kind = [u8; 4];

/// Length of a box's usual header in bytes: 32 bits of size and the type.
pub(crate) const HEADER: usize = 8;
/// Length of a box's header where the size has 64 bits and follows the type.
pub(crate) const LARGE_HEADER: usize = 16;

/// An error that says what is wrong in which box.
pub(crate) fn bad(kind: Kind, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("MP4 box '{}': {what}", kind.escape_ascii()))
}

/// What the first bytes of a box say of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// Length of the header in bytes: [`HEADER`] or [`LARGE_HEADER`].
    pub(crate) length: usize,
    /// Of the whole box in bytes, not less than its header. `None`: to the end of the file (0 in the header).
    pub(crate) size: Option<u64>,
}

impl Head {
    pub(crate) fn read(bytes: &[u8]) -> io::Result<Self> {
        let mut fields = Fields { kind: *b"????", rest: bytes };
        let size = fields.u32()?;
        let kind = fields.array()?;
        fields.kind = kind;
        let (length, size) = match size {
            0 => return Ok(Self { kind, length: HEADER, size: None }),
            1 => (LARGE_HEADER, fields.u64()?),
            size => (HEADER, u64::from(size)),
        };
        if size < length as u64 {
            return Err(bad(kind, format_args!("a size of {size} bytes, less than its header has")));
        }
        Ok(Self { kind, length, size: Some(size) })
    }

    /// Of the whole box in bytes, where it has `room` bytes at most. "To the end of the file" is refused: a muxer says
    /// so of a box that it has not finished.
    pub(crate) fn size_within(&self, room: u64) -> io::Result<u64> {
        let size = self.size.unwrap_or(0);
        let fits = self.size.is_some() && size <= room;
        fits.then_some(size)
            .ok_or_else(|| bad(self.kind, format_args!("a size of {size} bytes where there are {room}")))
    }
}

/// A box in memory.
#[derive(Clone, Copy)]
pub(crate) struct Mp4Box<'a> {
    pub(crate) kind: Kind,
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> Mp4Box<'a> {
    /// The box at the beginning of `bytes`.
    pub(crate) fn read(bytes: &'a [u8]) -> io::Result<Self> {
        let head = Head::read(bytes)?;
        let (kind, length, size) = (head.kind, head.length, head.size_within(bytes.len() as u64)?);
        let cut = || bad(kind, "it is cut short");
        let whole = usize::try_from(size).ok().and_then(|size| bytes.get(..size)).ok_or_else(cut)?;
        Ok(Self { kind, whole, body: whole.get(length..).ok_or_else(cut)? })
    }

    /// The boxes within.
    pub(crate) fn children(&self) -> Children<'a> {
        Children { rest: self.body }
    }

    /// The boxes within that come before the first damaged one.
    pub(crate) fn sound_children(&self) -> impl Iterator<Item = Self> + use<'a> {
        self.children().map_while(Result::ok)
    }

    /// The box at the end of a path, as far as it is not behind a damaged one.
    pub(crate) fn at(self, path: &[&Kind]) -> Option<Self> {
        path.iter().try_fold(self, |parent, kind| parent.sound_children().find(|child| child.kind == **kind))
    }

    /// The first box of a type within.
    pub(crate) fn find(&self, kind: Kind) -> io::Result<Option<Self>> {
        self.children().find(|child| !matches!(child, Ok(child) if child.kind != kind)).transpose()
    }

    /// The first box of a type within, which has to be there.
    pub(crate) fn need(&self, kind: Kind) -> io::Result<Self> {
        self.find(kind)?.ok_or_else(|| bad(self.kind, format_args!("there is no '{}' in it", kind.escape_ascii())))
    }

    /// As [`Self::at`], for a box that has to be there.
    pub(crate) fn need_at(self, path: &[&Kind]) -> io::Result<Self> {
        self.at(path).ok_or_else(|| {
            let path: Vec<String> = path.iter().map(|kind| kind.escape_ascii().to_string()).collect();
            bad(self.kind, format_args!("there is no '{}' in it", path.join("/")))
        })
    }

    /// What begins `from` bytes into this box's body: boxes behind fields.
    pub(crate) fn skip(self, from: usize) -> Option<Self> {
        Some(Self { body: self.body.get(from..)?, ..self })
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        Fields { kind: self.kind, rest: self.body }
    }

    /// The rows of a table: version, flags and the number of rows come first. `N` is a row's length in bytes.
    pub(crate) fn rows<const N: usize>(&self) -> io::Result<&'a [[u8; N]]> {
        let mut fields = self.fields();
        let _version_and_flags: [u8; 4] = fields.array()?;
        let count = fields.u32()?;
        fields.rows(count)
    }
}

/// Box after box, until the end or the first damaged one.
pub(crate) struct Children<'a> {
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
pub(crate) struct Fields<'a> {
    pub(super) kind: Kind,
    /// What has not been read yet.
    pub(super) rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| bad(self.kind, "it is cut short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u16(&mut self) -> io::Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// `count` rows of `N` bytes each.
    pub(crate) fn rows<const N: usize>(&self, count: u32) -> io::Result<&'a [[u8; N]]> {
        let (rows, _) = self.rest.as_chunks();
        let cut = || bad(self.kind, format_args!("it has room for {} of its {count} entries", rows.len()));
        usize::try_from(count).ok().and_then(|count| rows.get(..count)).ok_or_else(cut)
    }

    /// A time: 64 bits from version 1 on, 32 before.
    pub(crate) fn time(&mut self, version: u8) -> io::Result<u64> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }
}

/// Appends a box with what `body` appends.
pub(crate) fn write_box(
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

/// Appends a time that fits into 32 bits in version 0.
pub(super) fn write_time(out: &mut Vec<u8>, version: u8, time: u64) {
    if version == 0 { out.extend((time as u32).to_be_bytes()) } else { out.extend(time.to_be_bytes()) }
}
