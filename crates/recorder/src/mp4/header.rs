//! What the headers of a movie, a track and its media (`mvhd`, `tkhd`, `mdhd`) have in common: they are the same but for
//! one number (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2). All else in them stays as it is when one is written again.
//! What durations they are to have is left to their users.

use std::io;

use super::boxes::{Kind, Mp4Box, bad, write_box, write_time};

/// One of these headers.
pub(crate) struct Header<'a> {
    kind: Kind,
    version: u8,
    flags: [u8; 3],
    /// When it was created and last modified.
    dates: [u64; 2],
    /// `mvhd`, `mdhd`: the time scale in units per second. `tkhd`: the track's number.
    pub(crate) number: u32,
    /// `tkhd` only.
    reserved: Option<u32>,
    pub(crate) duration: u64,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    pub(crate) fn read(from: &Mp4Box<'a>) -> io::Result<Self> {
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
    pub(crate) fn read_scaled(from: &Mp4Box<'a>) -> io::Result<Self> {
        let header = Self::read(from)?;
        if header.number == 0 { Err(bad(from.kind, "its time scale is 0")) } else { Ok(header) }
    }

    /// The box again; in version 1 where version 0 has no room for the duration.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
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
