//! Lets at most one log line through per second and counts the rest.
//! Pure: the time is handed in.
//! It leaves the line itself, and what it says about those left out, to the caller.

use std::time::Duration;

/// At most one of several like log lines a second.
#[derive(Debug, Default)]
pub struct Throttle {
    last: Option<Duration>,
    suppressed: u64,
}

impl Throttle {
    /// Shortest time between two lines.
    pub const PERIOD: Duration = Duration::from_secs(1);

    /// A throttle that lets the first line through.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Some(n)`: log now, and say that `n` like it were left out since the last. `None`: leave out.
    ///
    /// `now` counts from any fixed moment on a clock that does not run backwards.
    pub fn allow(&mut self, now: Duration) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_sub(last) < Self::PERIOD) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(self.take_suppressed())
    }

    /// How many were left out since the last line, for a closing line; counts from 0 afterwards.
    pub fn take_suppressed(&mut self) -> u64 {
        std::mem::take(&mut self.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_rest_counted() {
        let mut throttle = Throttle::new();
        let answers = [0, 1, 999, 1000, 1001, 5000, 5001].map(|ms| throttle.allow(Duration::from_millis(ms)));
        assert_eq!(answers, [Some(0), None, None, Some(2), None, Some(1), None]);
        assert_eq!(throttle.take_suppressed(), 1);
        assert_eq!(throttle.take_suppressed(), 0);
    }
}
