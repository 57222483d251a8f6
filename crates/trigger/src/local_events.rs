//! The periodic local events of `smart-record: 2`: when the next one is due, in stream time.
//! Pure: the stream's now is handed in, and nothing waits here.
//! It leaves starting the session, and what happens when the last one still runs, to the caller.

use std::time::Duration;

/// Used for an interval of 0, as DeepStream does (facts/smart-record-behaviour.md, section 6).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);

/// A start that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalEvent {
    /// How long before now the recording is to begin (`smart-rec-start-time`).
    pub start_time: Duration,
    /// How long after now it is to end (`smart-rec-duration`); 0: the default duration.
    pub duration: Duration,
}

/// The answer to [`LocalEvents::poll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// The event that is due now.
    pub event: Option<LocalEvent>,
    /// Nanoseconds of stream time until the next one; at least 1.
    pub next_in_ns: u64,
}

/// The period of one source, in its stream's running time.
#[derive(Debug, Clone)]
pub struct LocalEvents {
    interval_ns: u64,
    event: LocalEvent,
    next_ns: Option<u64>,
}

impl LocalEvents {
    /// An event every `interval` (0: 10 s). The first comes one interval after the first `poll`.
    pub fn new(interval: Duration, start_time: Duration, duration: Duration) -> Self {
        let interval = if interval.is_zero() { DEFAULT_INTERVAL } else { interval };
        Self {
            interval_ns: u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX),
            event: LocalEvent { start_time, duration },
            next_ns: None,
        }
    }

    /// Whether an event is due at `now_ns` (running time), and how long until the next.
    ///
    /// Periods stay on one grid. After a jump over several periods one event comes, not one for each.
    /// A stream that starts over (now more than an interval before the next event) starts a new grid.
    pub fn poll(&mut self, now_ns: u64) -> Poll {
        let restarted = |next: u64| next.saturating_sub(now_ns) > self.interval_ns;
        match self.next_ns {
            Some(next) if now_ns >= next => {
                let periods = (now_ns - next) / self.interval_ns + 1;
                let next = next.saturating_add(periods.saturating_mul(self.interval_ns));
                self.wait(next, now_ns, Some(self.event))
            }
            Some(next) if !restarted(next) => self.wait(next, now_ns, None),
            _ => self.wait(now_ns.saturating_add(self.interval_ns), now_ns, None),
        }
    }

    fn wait(&mut self, next_ns: u64, now_ns: u64, event: Option<LocalEvent>) -> Poll {
        self.next_ns = Some(next_ns);
        Poll { event, next_in_ns: next_ns.saturating_sub(now_ns).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn events(interval_s: u64) -> LocalEvents {
        let s = Duration::from_secs;
        LocalEvents::new(s(interval_s), s(5), s(7))
    }

    fn due(poll: Poll) -> bool {
        poll.event.is_some()
    }

    #[test]
    fn the_first_event_comes_one_interval_after_the_first_now() {
        let mut events = events(4);
        assert_eq!(events.poll(100 * S), Poll { event: None, next_in_ns: 4 * S });
        assert_eq!(events.poll(103 * S), Poll { event: None, next_in_ns: S });
        let event = LocalEvent { start_time: Duration::from_secs(5), duration: Duration::from_secs(7) };
        assert_eq!(events.poll(104 * S), Poll { event: Some(event), next_in_ns: 4 * S });
        assert!(!due(events.poll(104 * S)));
    }

    #[test]
    fn an_interval_of_zero_is_ten_seconds() {
        assert_eq!(events(0).poll(0).next_in_ns, 10 * S);
    }

    #[test]
    fn a_late_poll_fires_once_and_stays_on_the_grid() {
        let mut events = events(10);
        events.poll(0);
        let late = events.poll(47 * S);
        assert!(due(late));
        assert_eq!(late.next_in_ns, 3 * S);
        assert!(due(events.poll(50 * S)));
    }

    #[test]
    fn a_stream_that_starts_over_starts_a_new_grid() {
        let mut events = events(10);
        events.poll(1000 * S);
        assert_eq!(events.poll(3 * S), Poll { event: None, next_in_ns: 10 * S });
        assert!(due(events.poll(13 * S)));
    }

    proptest! {
        #[test]
        fn any_times_are_answered(interval in any::<u64>(), nows in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut events = LocalEvents::new(Duration::from_nanos(interval), Duration::ZERO, Duration::ZERO);
            for now in nows {
                prop_assert!(events.poll(now).next_in_ns >= 1);
            }
        }

        #[test]
        fn a_steady_stream_has_one_event_per_interval(interval in 1_u64..60, step_ms in 1_u64..900) {
            let mut events = events(interval);
            let fired = (0..600_000 / step_ms).filter(|i| due(events.poll(i * step_ms * 1_000_000))).count() as u64;
            let seen_ms = (600_000 / step_ms - 1) * step_ms;
            prop_assert_eq!(fired, seen_ms / (interval * 1000));
        }
    }
}
