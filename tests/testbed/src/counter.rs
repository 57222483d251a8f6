//! The machine-readable frame counter: 32 bits as black and white blocks in the picture's top left corner.
//! Pure functions over one plane of luma samples; blocks are macroblock-sized so that lossy coding cannot blur them.
//! Left to others: where the planes come from and what a sequence of counters means.

/// Edge of one block in pixels: an H.264 macroblock.
pub const BLOCK: usize = 16;
/// Blocks in a row.
pub const COLUMNS: usize = 16;
/// Rows of blocks: the counter's high half, its low half, and their check word.
pub const ROWS: usize = 3;
/// Least picture width that has room for the counter, in pixels.
pub const MIN_WIDTH: usize = BLOCK * COLUMNS;
/// Least picture height that has room for the counter, in pixels.
pub const MIN_HEIGHT: usize = BLOCK * ROWS;

/// Black and white of 8-bit limited-range video (ITU-R BT.601).
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// A block between these means is neither black nor white: the picture is damaged.
const DARK_BELOW: u32 = 80;
const BRIGHT_ABOVE: u32 = 170;

/// Why a picture's counter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The picture has no room for a counter.
    #[error("the picture is smaller than the counter's blocks")]
    TooSmall,
    /// A block is grey.
    #[error("block {column} of row {row} is neither black nor white (mean luma {mean})")]
    Grey {
        /// Row of blocks, 0 at the top.
        row: usize,
        /// Block in the row, 0 at the left.
        column: usize,
        /// Mean luma of the block's middle, 0 to 255.
        mean: u32,
    },
    /// The blocks are clear but contradict each other.
    #[error("the check word says {found:#06x}, the counter {counter} needs {expected:#06x}")]
    Check {
        /// The counter as read.
        counter: u32,
        /// The check word that belongs to it.
        expected: u16,
        /// The check word in the picture.
        found: u16,
    },
}

/// A check word that differs for every single flipped block and is never all black, as an empty picture is.
fn check_word(high: u16, low: u16) -> u16 {
    high.rotate_left(5) ^ low ^ 0xA5A5
}

/// Whether a plane of this stride and length holds a counter of full size.
fn has_room(len: usize, stride: usize) -> bool {
    stride >= MIN_WIDTH && len >= (MIN_HEIGHT - 1) * stride + MIN_WIDTH
}

/// Draws `counter` into an 8-bit luma plane whose rows are `stride` bytes apart.
///
/// # Errors
/// [`Unreadable::TooSmall`] when the plane is smaller than [`MIN_WIDTH`] × [`MIN_HEIGHT`].
pub fn draw(luma: &mut [u8], stride: usize, counter: u32) -> Result<(), Unreadable> {
    if !has_room(luma.len(), stride) {
        return Err(Unreadable::TooSmall);
    }
    let (high, low) = ((counter >> 16) as u16, counter as u16);
    for (row, word) in [high, low, check_word(high, low)].into_iter().enumerate() {
        for y in row * BLOCK..(row + 1) * BLOCK {
            for column in 0..COLUMNS {
                let bright = word & (0x8000 >> column) != 0;
                let start = y * stride + column * BLOCK;
                luma[start..start + BLOCK].fill(if bright { WHITE } else { BLACK });
            }
        }
    }
    Ok(())
}

/// Reads the counter out of an 8-bit luma plane whose rows are `stride` bytes apart.
///
/// # Errors
/// [`Unreadable`] says which block is damaged, or that the check word does not fit.
pub fn read(luma: &[u8], stride: usize) -> Result<u32, Unreadable> {
    if !has_room(luma.len(), stride) {
        return Err(Unreadable::TooSmall);
    }
    let mut words = [0_u16; ROWS];
    for (row, word) in words.iter_mut().enumerate() {
        for column in 0..COLUMNS {
            let mean = middle_mean(luma, stride, row, column);
            match mean {
                0..DARK_BELOW => {}
                mean if mean > BRIGHT_ABOVE => *word |= 0x8000 >> column,
                mean => return Err(Unreadable::Grey { row, column, mean }),
            }
        }
    }
    let [high, low, found] = words;
    let counter = u32::from(high) << 16 | u32::from(low);
    let expected = check_word(high, low);
    if found == expected { Ok(counter) } else { Err(Unreadable::Check { counter, expected, found }) }
}

/// Mean luma of a block's middle quarter, away from the ringing at its edges.
fn middle_mean(luma: &[u8], stride: usize, row: usize, column: usize) -> u32 {
    const INSET: usize = BLOCK / 4;
    const EDGE: usize = BLOCK / 2;
    let left = column * BLOCK + INSET;
    let top = row * BLOCK + INSET;
    let sum: u32 = (top..top + EDGE)
        .flat_map(|y| &luma[y * stride + left..y * stride + left + EDGE])
        .map(|&sample| u32::from(sample))
        .sum();
    sum / (EDGE * EDGE) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIDE: usize = 320;

    fn picture() -> Vec<u8> {
        vec![128; STRIDE * 240]
    }

    #[test]
    fn a_drawn_counter_is_read_back() {
        for counter in [0, 1, 2, 29, 0xFFFF, 0x1_0000, 0x1234_5678, u32::MAX] {
            let mut luma = picture();
            draw(&mut luma, STRIDE, counter).unwrap();
            assert_eq!(read(&luma, STRIDE), Ok(counter));
        }
    }

    #[test]
    fn every_inverted_block_is_detected() {
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let mut luma = picture();
                draw(&mut luma, STRIDE, 123_456_789).unwrap();
                for y in row * BLOCK..(row + 1) * BLOCK {
                    let start = y * STRIDE + column * BLOCK;
                    luma[start..start + BLOCK].iter_mut().for_each(|sample| *sample = 251 - *sample);
                }
                assert!(matches!(read(&luma, STRIDE), Err(Unreadable::Check { .. })));
            }
        }
    }

    #[test]
    fn a_grey_block_is_named() {
        let mut luma = picture();
        draw(&mut luma, STRIDE, 7).unwrap();
        for y in BLOCK..2 * BLOCK {
            luma[y * STRIDE + 3 * BLOCK..y * STRIDE + 4 * BLOCK].fill(128);
        }
        assert_eq!(read(&luma, STRIDE), Err(Unreadable::Grey { row: 1, column: 3, mean: 128 }));
    }

    #[test]
    fn a_picture_without_a_counter_is_no_counter() {
        for shade in [0, 16, 128, 235, 255] {
            assert!(read(&vec![shade; STRIDE * 240], STRIDE).is_err(), "shade {shade}");
        }
    }

    #[test]
    fn a_small_picture_is_refused() {
        let mut luma = vec![0; 255 * 48];
        assert_eq!(draw(&mut luma, 255, 1), Err(Unreadable::TooSmall));
        assert_eq!(read(&luma[..100], 256), Err(Unreadable::TooSmall));
    }
}
