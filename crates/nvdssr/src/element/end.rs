//! When the element, as a sink, tells its pipeline that its streams are over: when they have ended and every recording is
//! complete, so that whoever waits for the end has all files and all messages.
//! Which streams have ended is left to `imp`.

/// What has been told, and what is still open.
#[derive(Debug, Default)]
pub(super) struct End {
    /// Recordings whose end has not been told.
    open: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Streams go on.
    #[default]
    Streaming,
    /// All have ended, recordings have not.
    Ended,
    /// The pipeline has been told.
    Told,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A recording has begun.
    Begun,
    /// The end of a recording has been told.
    Closed,
    /// All streams have ended.
    Over,
    /// A stream begins anew.
    Anew,
}

impl End {
    /// True: the pipeline is to be told now.
    pub(super) fn step(&mut self, change: Change) -> bool {
        match change {
            Change::Begun => self.open += 1,
            Change::Closed => self.open = self.open.saturating_sub(1),
            Change::Over if self.phase == Phase::Streaming => self.phase = Phase::Ended,
            Change::Over => {}
            Change::Anew => self.phase = Phase::Streaming,
        }
        let tell = self.phase == Phase::Ended && self.open == 0;
        if tell {
            self.phase = Phase::Told;
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_once_when_all_is_complete() {
        let mut end = End::default();
        let steps = [Change::Begun, Change::Begun, Change::Closed, Change::Over, Change::Closed, Change::Over];
        assert_eq!(steps.map(|change| end.step(change)), [false, false, false, false, true, false]);
        // After a seek there is another end.
        assert!(!end.step(Change::Anew));
        assert!(end.step(Change::Over));
    }
}
