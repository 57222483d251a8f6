//! Local events (`smart-record` 2): one thread that starts a recording every interval of stream time.
//! When an event is due is left to `trigger::LocalEvents`, the recording to `imp`.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gst::glib;
use gst::subclass::prelude::*;
use parking_lot::{Condvar, Mutex};
use trigger::LocalEvents;

use super::SmartRecord;
use crate::public::UserData;

/// How often a stream that has not begun yet is looked at.
const BEGIN_PERIOD: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Quit {
    quit: Mutex<bool>,
    changed: Condvar,
}

/// The running thread; ends when dropped.
pub(super) struct LocalTriggers {
    quit: Arc<Quit>,
    thread: Option<JoinHandle<()>>,
}

impl LocalTriggers {
    /// Starts the thread.
    pub(super) fn start(element: glib::WeakRef<SmartRecord>, schedule: LocalEvents) -> std::io::Result<Self> {
        let quit = Arc::new(Quit::default());
        let thread = {
            let quit = quit.clone();
            let thread = std::thread::Builder::new().name("srec-local".into());
            thread.spawn(move || run(&element, schedule, &quit))?
        };
        Ok(Self { quit, thread: Some(thread) })
    }
}

impl Drop for LocalTriggers {
    fn drop(&mut self) {
        *self.quit.quit.lock() = true;
        self.quit.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been logged by its hook and ends local events alone. The last reference to the
            // element may have been the thread's own: it does not wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

fn run(element: &glib::WeakRef<SmartRecord>, mut schedule: LocalEvents, quit: &Quit) {
    let mut count = 0u64;
    loop {
        let pause = {
            let Some(element) = element.upgrade() else { return };
            match element.imp().now() {
                None => BEGIN_PERIOD,
                Some(now) => {
                    let poll = schedule.poll(u64::try_from(now.0).unwrap_or(0));
                    if let Some(event) = poll.event {
                        count += 1;
                        let duration = Some(event.duration).filter(|duration| !duration.is_zero());
                        let id = format!("local-event-{count}");
                        // A refusal is told on the bus.
                        element.imp().start(event.start_time, duration, UserData::NONE, Some(id));
                    }
                    Duration::from_nanos(poll.next_in_ns)
                }
            }
        };
        let mut quitting = quit.quit.lock();
        if !*quitting {
            quit.changed.wait_for(&mut quitting, pause);
        }
        if *quitting {
            return;
        }
    }
}
