//! Points in time as types: the stream's running time, the sender's UTC, the moment of an arrival.
//! No clock is read here; whoever calls the core brings the time along.
//! Turning one kind into another is left to `timeline`.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Time since the start of the stream, in nanoseconds (GStreamer's running time). Negative before the start: decoding
/// times of B-frames, and requests that reach further back than the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunningTime(pub i64);

impl RunningTime {
    /// The start of the stream.
    pub const ZERO: Self = Self(0);

    /// Whether this is after `earlier` by more than so many nanoseconds.
    pub(super) fn is_beyond(self, earlier: Self, nanos: i64) -> bool {
        self.0.saturating_sub(earlier.0) > nanos
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for RunningTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(nanos(duration)))
    }
}

impl Sub<Duration> for RunningTime {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(nanos(duration)))
    }
}

/// As seconds with milliseconds, `12.345 s`.
impl fmt::Display for RunningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:03} s", nanos / 1_000_000_000, nanos / 1_000_000 % 1_000)
    }
}

/// A moment of the world's time: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(pub i64);

impl Add<Duration> for Utc {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(nanos(duration)))
    }
}

/// RFC 3339 with milliseconds, `2020-05-18T20:02:00.051Z`, as DeepStream's messages have it.
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            // Every i64 of nanoseconds lies between the years 1677 and 2262, which jiff holds.
            Err(_) => write!(f, "{} ns since 1970", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = jiff::Timestamp::deserialize(deserializer)?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// When something reached us, on a monotonic clock: nanoseconds from an origin that the caller chooses once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(pub u64);

impl Sub for Arrival {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// `[start, end)` in running time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The first moment inside.
    pub start: RunningTime,
    /// The first moment after.
    pub end: RunningTime,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

/// `[start, end)` in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcInterval {
    /// The first moment inside.
    pub start: Utc,
    /// The first moment after.
    pub end: Utc,
}

/// Nanoseconds of a duration; more than 584 years are as good as for ever.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_is_written_as_deepstream_writes_it() {
        assert_eq!(Utc(1_589_832_120_051_000_000).to_string(), "2020-05-18T20:02:00.051Z");
        assert_eq!(Utc(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn running_time_may_lie_before_the_stream() {
        let two = RunningTime(2_000_000_000);
        assert_eq!((two - Duration::from_secs(3)).to_string(), "-1.000 s");
        assert_eq!(two.since(RunningTime(3_000_000_000)), Duration::ZERO);
        assert_eq!(two.since(RunningTime(-1_000_000_000)), Duration::from_secs(3));
        assert_eq!(two.to_string(), "2.000 s");
    }
}
