//! Local events (`smart-record: 2`): one thread that starts a recording of each source every interval of stream time.
//! When an event is due is left to `trigger::LocalEvents`, the recording to `dispatch`.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use recorder::core::{Moment, StartRequest};
use recorder::record::Trigger;
use trigger::LocalEvents;

use crate::dispatch::Dispatch;
use crate::error::Error;

/// How often a source that has not begun yet is looked at.
const BEGIN_PERIOD: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Quit {
    quit: Mutex<bool>,
    changed: Condvar,
}

/// The running thread; ends when dropped.
pub(crate) struct LocalTriggers {
    quit: Arc<Quit>,
    thread: Option<JoinHandle<()>>,
}

impl LocalTriggers {
    /// Starts the thread; every source follows `schedule` in its own stream time.
    pub(crate) fn start(dispatch: Arc<Dispatch>, schedule: &LocalEvents) -> Result<Self, Error> {
        let quit = Arc::new(Quit::default());
        let thread = {
            let (quit, schedule) = (quit.clone(), schedule.clone());
            std::thread::Builder::new()
                .name("srec-local".into())
                .spawn(move || run(&dispatch, &schedule, &quit))
                .map_err(|error| Error::Thread { purpose: "local events", error })?
        };
        Ok(Self { quit, thread: Some(thread) })
    }
}

impl Drop for LocalTriggers {
    fn drop(&mut self) {
        *self.quit.quit.lock() = true;
        self.quit.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been logged by its hook and ends local events alone.
            drop(thread.join());
        }
    }
}

fn run(dispatch: &Dispatch, schedule: &LocalEvents, quit: &Quit) {
    let Some(recorder) = &dispatch.recorder else { return };
    let mut schedules: Vec<_> = (0..recorder.len()).map(|source| (source, schedule.clone())).collect();
    let mut count = 0u64;
    while !schedules.is_empty() {
        let mut pause: Option<Duration> = None;
        schedules.retain(|(source, _)| !recorder.has_ended(*source));
        for (source, schedule) in &mut schedules {
            let source = *source;
            let next = match recorder.now(source) {
                None => BEGIN_PERIOD,
                Some(now) => {
                    let poll = schedule.poll(u64::try_from(now.0).unwrap_or(0));
                    if let Some(event) = poll.event {
                        count += 1;
                        let request = StartRequest {
                            start: Moment::Ago(event.start_time),
                            end: (!event.duration.is_zero()).then_some(Moment::In(event.duration)),
                            overlap: None,
                        };
                        let id = Some(format!("local-event-{count}"));
                        dispatch.start(source, request, Trigger { id, metadata: None });
                    }
                    Duration::from_nanos(poll.next_in_ns)
                }
            };
            pause = Some(pause.map_or(next, |pause| pause.min(next)));
        }
        let mut quitting = quit.quit.lock();
        if !*quitting {
            quit.changed.wait_for(&mut quitting, pause.unwrap_or(BEGIN_PERIOD));
        }
        if *quitting {
            return;
        }
    }
}
