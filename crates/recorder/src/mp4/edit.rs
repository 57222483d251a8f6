//! Edit lists (`elst`; ISO/IEC 14496-12, 8.6.6): which part of a track's media is shown, and when.
//! Reads and writes both versions.
//! Which part it is to be is left to their users.

use std::io;

use super::boxes::{Fields, Mp4Box, bad, write_box, write_time};

/// `media_time` of an edit during which the track shows nothing.
const EMPTY: i64 = -1;
/// `media_rate` of an edit that is played as it is: 1.0, as a 16.16 fixed-point number.
const NORMAL_RATE: u32 = 0x1_0000;

/// One entry of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// In the movie's time scale.
    pub(crate) duration: u64,
    /// Where in the track's media it begins, in the media's time scale. `None`: it shows nothing.
    pub(crate) media_time: Option<i64>,
}

impl Edit {
    /// The entries of an `elst`.
    pub(crate) fn read_list(elst: &Mp4Box<'_>) -> io::Result<Vec<Self>> {
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
    pub(crate) fn write_list(edits: &[Self], out: &mut Vec<u8>) -> io::Result<()> {
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
