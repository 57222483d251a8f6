//! Tables of an index in their binary form (`stts`, `ctts`, `stss` and their like; ISO/IEC 14496-12, 8.6 and 8.7).
//! Durations and offsets are run lengths, so that a damaged table that claims billions of samples costs no more than its
//! own bytes. What the rows mean for players is left to their users.

use std::io;

use super::boxes::{Kind, bad, write_box};

/// A row of `stts` or `ctts`: a number of samples, and what each of them has.
pub(crate) type Run = [u8; 8];

/// The numbers of a row.
pub(crate) fn pair(row: Run) -> (u32, u32) {
    let both = u64::from_be_bytes(row);
    ((both >> 32) as u32, both as u32)
}

/// Appends a table: version, flags, the number of rows, and the rows' bytes.
pub(crate) fn write_table<R: IntoIterator<Item = u8>>(
    out: &mut Vec<u8>,
    kind: Kind,
    version: u8,
    rows: impl ExactSizeIterator<Item = R>,
) -> io::Result<()> {
    let count = u32::try_from(rows.len()).map_err(|_| bad(kind, "it has too many entries"))?;
    write_box(out, kind, |out| {
        out.extend([version, 0, 0, 0]);
        out.extend(count.to_be_bytes());
        out.extend(rows.flatten());
        Ok(())
    })
}

/// A table of run lengths as it grows.
pub(crate) struct RunLengths {
    kind: Kind,
    rows: Vec<(u32, u32)>,
}

impl RunLengths {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, rows: Vec::new() }
    }

    /// `count` more samples with this value.
    pub(crate) fn push(&mut self, count: i128, value: i128) -> io::Result<()> {
        let count = u32::try_from(count).map_err(|_| bad(self.kind, "it has too many samples"))?;
        // Offsets may be negative, and then are written as what they are modulo 2^32.
        let value = u32::try_from(value).or_else(|_| i32::try_from(value).map(i32::cast_unsigned));
        let value = value.map_err(|_| bad(self.kind, "a sample lasts too long"))?;
        match self.rows.last_mut() {
            _ if count == 0 => {}
            Some((same, last)) if *last == value && same.checked_add(count).is_some() => *same += count,
            _ => self.rows.push((count, value)),
        }
        Ok(())
    }

    /// Adds to the value of the last sample.
    pub(crate) fn lengthen_last(&mut self, by: i128) -> io::Result<()> {
        let Some((count, value)) = self.rows.pop() else { return Ok(()) };
        self.push(i128::from(count) - 1, value.into())?;
        self.push(1, i128::from(value) + by)
    }

    /// Appends the whole box.
    pub(crate) fn write(&self, version: u8, out: &mut Vec<u8>) -> io::Result<()> {
        let row = |(count, value): &(u32, u32)| (u64::from(*count) << 32 | u64::from(*value)).to_be_bytes();
        write_table(out, self.kind, version, self.rows.iter().map(row))
    }
}
