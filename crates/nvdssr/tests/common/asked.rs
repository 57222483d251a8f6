//! An interval that was asked for, as exactly as a caller can know it, and the rule of what a file must hold of it.
//! A call takes some time, and the stream's "now" goes on meanwhile: both ends are ranges.
//! Left to others: decoding.

use std::ops::RangeInclusive;

use super::clip::at;
use super::{Recording, camera::GOP};

/// What a start asked for, in nanoseconds of the stream's time.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The session's id.
    pub id: u32,
    /// When the recording begins.
    pub from: RangeInclusive<i64>,
    /// When it ends.
    pub to: RangeInclusive<i64>,
}

impl Asked {
    /// The same with another end.
    pub fn until(self, to: RangeInclusive<i64>) -> Self {
        Self { to, ..self }
    }

    /// Checks a file of pictures by design.md's rule 3: from the last keyframe at or before the asked start to the
    /// picture that is on screen at the asked end. Returns the numbers of its pictures.
    pub fn check(&self, recording: &Recording) -> RangeInclusive<u32> {
        let pictures = recording.pictures();
        let (first, last) = (i64::from(*pictures.start()), i64::from(*pictures.end()));
        assert_eq!(first % GOP, 0, "begins with a keyframe");
        let keyframe = |time: i64| (0..).map(|gop| gop * GOP).take_while(|number| at(*number) <= time).last();
        let begins = keyframe(*self.from.start()).unwrap()..=keyframe(*self.from.end()).unwrap();
        assert!(begins.contains(&first), "{self:?} begins with {begins:?}, the file with {first}");
        // Rounded times of Matroska: to the millisecond.
        let ends = (self.to.start() - 1_000_000)..=(self.to.end() + 1_000_000);
        assert!(at(last + 1) >= *ends.start(), "{self:?}, and the last picture {last} ends at {}", at(last + 1));
        assert!(at(last) <= *ends.end(), "{self:?}, and the last picture {last} begins at {}", at(last));
        recording.check_duration();
        pictures
    }
}
