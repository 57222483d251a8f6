//! Elements of EBML, the binary form of Matroska: reading their headers and making new ones.
//! Layout: RFC 8794, 4 to 6.
//! What the elements mean is left to `mkv`.

use super::Halt;
use super::input::Input;

/// An element's header.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// With its length marker, as the specifications have it.
    pub(super) id: u32,
    pub(super) at: u64,
    /// Where the size is and how many bytes it takes.
    pub(super) size_at: u64,
    pub(super) size_len: u64,
    pub(super) body: u64,
    /// `None`: unknown, as while it is written.
    pub(super) size: Option<u64>,
}

impl Element {
    /// Where it ends, if it is not longer than up to `limit`.
    pub(super) fn end_within(&self, limit: u64) -> Option<u64> {
        self.body.checked_add(self.size?).filter(|end| *end <= limit)
    }
}

/// Reads the header at `at`. `None`: there is no element before `limit`.
pub(super) fn element_at(input: &Input, at: u64, limit: u64) -> Result<Option<Element>, Halt> {
    // An id takes 1 to 4 bytes, a size 1 to 8.
    let Some(room) = limit.checked_sub(at) else { return Ok(None) };
    Ok(input.read(at, room.min(12))?.and_then(|bytes| header(&bytes, at)))
}

fn header(bytes: &[u8], at: u64) -> Option<Element> {
    let id_len = length(bytes).filter(|len| *len <= 4)?;
    let id = bytes.get(..id_len)?.iter().fold(0_u32, |id, byte| id << 8 | u32::from(*byte));
    let (size, size_len) = number(bytes.get(id_len..)?)?;
    let size_at = at + id_len as u64;
    Some(Element { id, at, size_at, size_len: size_len as u64, body: size_at + size_len as u64, size })
}

/// Bytes of a number, from its first one.
fn length(bytes: &[u8]) -> Option<usize> {
    let zeros = bytes.first()?.leading_zeros() as usize;
    (zeros < 8).then_some(zeros + 1)
}

/// A number with a length marker, and how many bytes it takes. All ones: unknown.
pub(super) fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let len = length(bytes)?;
    let value = bytes.get(..len)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * len)) - 1;
    Some((Some(value & mask).filter(|value| *value != mask), len))
}

/// A size as a number of `len` bytes (1 to 8). `None`: it does not fit.
pub(super) fn size_bytes(size: u64, len: u64) -> Option<Vec<u8>> {
    // All ones would be unknown.
    let fits = (1..=8).contains(&len) && size < (1_u64 << (7 * len)) - 1;
    let marked = size | 1_u64 << (7 * len);
    fits.then(|| marked.to_be_bytes()[(8 - len as usize)..].to_vec())
}

/// A whole element.
pub(super) fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let mut out: Vec<u8> = id.into_iter().skip_while(|byte| *byte == 0).collect();
    out.push(0x01);
    // 7 bytes: a slice in memory is shorter than 2^56.
    out.extend(&(content.len() as u64).to_be_bytes()[1..]);
    out.extend(content);
    out
}

/// A whole element with a number in it.
pub(super) fn uint(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// The number in an element's content.
pub(super) fn to_uint(content: &[u8]) -> u64 {
    content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The elements in a content in memory, as id and content; up to what is damaged.
pub(super) fn children(content: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let rest = content.get(at..)?;
        let found = header(&rest[..rest.len().min(12)], 0)?;
        let start = found.body as usize;
        let end = start.checked_add(usize::try_from(found.size?).ok()?)?;
        let body = rest.get(start..end)?;
        at += end;
        Some((found.id, body))
    })
}
