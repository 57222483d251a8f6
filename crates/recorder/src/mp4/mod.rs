//! The form of MP4 files (ISO/IEC 14496-12), as far as the engine changes finished ones and completes unfinished ones.
//! In memory: reads boxes and writes them, bounded by the bytes that are there.
//! What is to change, and how a file stays playable meanwhile, is left to `writer::edit_list` and `recovery::mp4`.

mod boxes;
mod edit;
mod header;
mod table;

pub(crate) use boxes::{HEADER, Head, Kind, LARGE_HEADER, Mp4Box, bad, write_box};
pub(crate) use edit::Edit;
pub(crate) use header::Header;
pub(crate) use table::{Run, RunLengths, pair, write_table};

/// A time that is not negative in another time scale, to the nearest unit: as mp4mux rounds time stamps. Scales are in
/// units per second, `from` is not 0.
pub(crate) fn rescale(time: i128, from: u32, to: u32) -> i128 {
    (time * i128::from(to) + i128::from(from / 2)) / i128::from(from)
}
