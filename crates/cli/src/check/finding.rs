//! [`Finding`]: one thing that is wrong with a file, and how to mend it.
//! One line each, so that people and scripts read the same.
//! It leaves finding them to the rules.

use std::fmt;

/// What is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    place: String,
    what: String,
    mend: String,
}

impl Finding {
    /// `place` is a key, a component, or the file itself (then empty); `mend` completes "needed: ...".
    pub fn new(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{} (needed: {})", self.what, self.mend)
    }
}
