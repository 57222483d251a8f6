//! A moment in UTC to the nanosecond, read from and written as RFC 3339.
//! Newtype, so that it is never mixed up with a stream's running time.
//! It leaves the mapping between the two to the recorder, and never asks a clock.

use std::fmt;

use jiff::{
    Timestamp,
    fmt::temporal::{DateTimePrinter, Pieces},
    tz::Offset,
};

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Range: years 1677 to 2262, as far as 64 bits of nanoseconds reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utc(pub i64);

/// What [`Utc::parse`] takes, in the words of an error message.
pub(crate) const ALLOWED: &str = "an RFC 3339 time from 1677-09-22 to 2262-04-11, such as 2020-05-18T20:02:00.051Z or 2020-05-18T22:02:00+02:00; without an offset it is UTC";

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;
/// In seconds.
const DAY_S: u32 = 86_400;

impl Utc {
    /// Nanoseconds since the Unix epoch.
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339: at most nine digits of fraction, `Z` or a numeric offset. Also what ISO 8601 writes otherwise, and
    /// strftime's `%z` with it: `+0200` and `+02` for `+02:00`, a comma before the fraction.
    ///
    /// A leap second (`:60`) is the first second of the next minute, as in POSIX and in DeepStream.
    ///
    /// Without an offset the time is UTC, as DeepStream reads it. `None`: not such a time, or out of range.
    pub fn parse(text: &str) -> Option<Self> {
        // jiff also reads ISO 8601 forms that RFC 3339 does not have (basic format, hours only,
        // years of six digits, zone names); the fixed columns keep those out.
        let columns = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        let shaped = columns.len() >= 19
            && separators.iter().all(|&(at, byte)| columns[at] == byte)
            && matches!(columns[10], b'T' | b't' | b' ');
        if !shaped {
            return None;
        }
        let pieces = Pieces::parse(text).ok()?;
        // Zone names and other annotations.
        if text.contains('[') {
            return None;
        }
        let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
        // jiff goes on to 25:59:59; no clock of the world is that far away, and RFC 3339 has no such hour.
        if offset.seconds().unsigned_abs() >= DAY_S {
            return None;
        }
        let moment = offset.to_timestamp(pieces.date().to_datetime(pieces.time()?)).ok()?;
        let nanos = i64::try_from(moment.as_nanosecond()).ok()?;
        // jiff takes a leap second for the second before it, so that an interval would end too early.
        let leap = if &columns[17..19] == b"60" { SECOND } else { 0 };
        nanos.checked_add(leap).map(Self)
    }
}

impl fmt::Display for Utc {
    /// RFC 3339 in UTC: milliseconds, or nanoseconds where milliseconds would lose something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 % 1_000_000 == 0 { 3 } else { 9 };
        let moment = Timestamp::from_nanosecond(self.0.into()).map_err(|_| fmt::Error)?;
        f.write_str(&DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&moment))
    }
}

impl serde::Serialize for Utc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2020-05-18T20:02:00Z, from `date -u -d 2020-05-18T20:02:00Z +%s`.
    const BASE_S: i64 = 1_589_832_120;

    #[test]
    fn times_as_deepstream_and_rfc_3339_write_them() {
        let base = BASE_S * 1_000_000_000;
        for (text, nanos) in [
            ("2020-05-18T20:02:00Z", base),
            ("2020-05-18T20:02:00.051Z", base + 51_000_000),
            ("2020-05-18T20:02:00.123456789Z", base + 123_456_789),
            ("2020-05-18T20:02:00", base),
            ("2020-05-18T20:02:00.5", base + 500_000_000),
            ("2020-05-18T22:02:00+02:00", base),
            ("2020-05-18T15:32:00-04:30", base),
            ("2020-05-18T20:02:00-00:00", base),
            ("2020-05-18T22:02:00+0200", base),
            ("2020-05-18T22:02:00,5+02", base + 500_000_000),
            ("2020-05-19T20:01:00+23:59", base),
            ("2020-05-18t20:02:00z", base),
            ("2020-05-18 20:02:00Z", base),
            ("1969-12-31T23:59:59.999999999Z", -1),
        ] {
            assert_eq!(Utc::parse(text), Some(Utc(nanos)), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_next_minute_s_first() {
        // `date -u -d 2017-01-01 +%s`, the moment after the leap second of 2016.
        let midnight = 1_483_228_800 * SECOND;
        for (text, nanos) in [
            ("2016-12-31T23:59:59.999999999Z", midnight - 1),
            ("2016-12-31T23:59:60Z", midnight),
            ("2016-12-31T23:59:60.5Z", midnight + SECOND / 2),
            ("2017-01-01T00:59:60+01:00", midnight),
            ("2017-01-01T00:00:00Z", midnight),
        ] {
            assert_eq!(Utc::parse(text), Some(Utc(nanos)), "{text}");
        }
        assert_eq!(Utc::parse("2016-12-31T23:59:61Z"), None);
    }

    #[test]
    fn the_range_ends_to_the_nanosecond() {
        for (text, nanos) in [
            ("1677-09-21T00:12:43.145224192Z", Some(i64::MIN)),
            ("1677-09-21T00:12:43.145224191Z", None),
            ("2262-04-11T23:47:16.854775807Z", Some(i64::MAX)),
            ("2262-04-11T23:47:16.854775808Z", None),
            ("2262-04-12T01:47:16.854775807+02:00", Some(i64::MAX)),
            ("-2020-05-18T20:02:00Z", None),
            ("+002020-05-18T20:02:00Z", None),
            ("99999999-05-18T20:02:00Z", None),
        ] {
            assert_eq!(Utc::parse(text), nanos.map(Utc), "{text}");
        }
    }

    #[test]
    fn what_is_no_rfc_3339_is_refused() {
        for text in [
            "",
            "now",
            "2020-05-18",
            "20:02:00Z",
            "2020-05-18T20:02Z",
            "20200518T200200Z",
            "2020-05-18T20:02:00junk",
            "2020-05-18T20:02:00Z trailing",
            "2020-05-18T20:02:00Z[UTC]",
            "2020-05-18T20:02:00[America/New_York]",
            "2020-05-18T20:02:00[u-ca=iso8601]",
            "2020-05-18T20:02:00+24:00",
            "2020-05-18T20:02:00-25:59:59",
            "2020-05-18T20:02:00+02:60",
            "2020-05-18T20:02:00.1234567891Z",
            " 2020-05-18T20:02:00Z",
            "2020-13-18T20:02:00Z",
            "2020-02-30T20:02:00Z",
            "2020-05-18T25:02:00Z",
            "1600-01-01T00:00:00Z",
            "2263-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "ＡＢＣＤ-05-18T20:02:00Z",
        ] {
            assert_eq!(Utc::parse(text), None, "{text}");
        }
    }

    #[test]
    fn display_keeps_what_there_is() {
        assert_eq!(Utc(BASE_S * 1_000_000_000).to_string(), "2020-05-18T20:02:00.000Z");
        assert_eq!(Utc(51_000_000).to_string(), "1970-01-01T00:00:00.051Z");
        assert_eq!(Utc(1).to_string(), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(serde_json::json!(Utc(0)), "1970-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(nanos in any::<i64>()) {
            prop_assert_eq!(Utc::parse(&Utc(nanos).to_string()), Some(Utc(nanos)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            Utc::parse(&text);
        }
    }
}
