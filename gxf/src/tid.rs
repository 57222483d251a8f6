//! [`Tid`]: the 128-bit type id that GXF gives extensions and components, written as a UUID.
//!
//! Parsed at compile time where it is a constant. Who has which id is not known here.

use std::fmt;

use crate::sys::gxf_tid_t;

/// A GXF type id. Printed it is a UUID; GXF stores its first and last 16 digits as two numbers (source: how the registry tool of
/// GXF 4.1.0 prints the ids that it reads).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid {
    hash1: u64,
    hash2: u64,
}

impl Tid {
    /// Reads a UUID of the form `8-4-4-4-12` hexadecimal digits.
    ///
    /// # Panics
    /// If `uuid` has another form. In a constant that is a compile error.
    pub const fn parse(uuid: &str) -> Tid {
        match Tid::try_parse(uuid) {
            Some(tid) => tid,
            None => panic!("a GXF type id is a UUID: hexadecimal digits in the form 8-4-4-4-12"),
        }
    }

    /// Reads a UUID of the form `8-4-4-4-12` hexadecimal digits; `None` if it has another form.
    pub const fn try_parse(uuid: &str) -> Option<Tid> {
        let text = uuid.as_bytes();
        if text.len() != 36 {
            return None;
        }
        let mut value: u128 = 0;
        let mut at = 0;
        while at < 36 {
            if at == 8 || at == 13 || at == 18 || at == 23 {
                if text[at] != b'-' {
                    return None;
                }
            } else {
                let digit = match text[at] {
                    digit @ b'0'..=b'9' => digit - b'0',
                    digit @ b'a'..=b'f' => digit - b'a' + 10,
                    digit @ b'A'..=b'F' => digit - b'A' + 10,
                    _ => return None,
                };
                value = value << 4 | digit as u128;
            }
            at += 1;
        }
        Some(Tid { hash1: (value >> 64) as u64, hash2: value as u64 })
    }

    pub(crate) const fn raw(self) -> gxf_tid_t {
        gxf_tid_t { hash1: self.hash1, hash2: self.hash2 }
    }

    pub(crate) const fn from_raw(raw: gxf_tid_t) -> Tid {
        Tid { hash1: raw.hash1, hash2: raw.hash2 }
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (self.hash1, self.hash2);
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for Tid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_read() {
        let text = "8ec2d5d6-b5df-48bf-8dee-0252606fdd7e";
        let tid = Tid::parse(text);
        assert_eq!(tid.to_string(), text);
        assert_eq!(tid.raw().hash1, 0x8ec2_d5d6_b5df_48bf);
        assert_eq!(tid.raw().hash2, 0x8dee_0252_606f_dd7e);
    }

    #[test]
    fn refuses_what_is_no_uuid() {
        for text in ["", "8ec2d5d6", "8ec2d5d6-b5df-48bf-8dee-0252606fdd7", "8ec2d5d6xb5df-48bf-8dee-0252606fdd7e"] {
            assert_eq!(Tid::try_parse(text), None, "{text}");
        }
    }
}
