//! The thread that looks after one connection: connects, works, and after a loss tries again for ever.
//! Pauses grow from one second to thirty and are random, so that many clients do not come back in one instant.
//! It leaves the protocol to the `Client` that it is given.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Listener, News,
    client::{Client, Ending},
};
use crate::Error;

/// The longest first pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause at all.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest pause: jitter alone could come out as nothing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a client works before it is asked whether it shall end.
const WORK: Duration = Duration::from_millis(100);

/// What the listener was told last. `Unknown` until the first attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Up,
    /// So many attempts failed in a row.
    Down(u32),
}

/// What happened to a connection.
#[derive(Debug)]
enum Event {
    Connected,
    Failed(String),
}

impl State {
    /// The next state, and what the listener is to be told.
    fn after(self, event: Event) -> (Self, Option<News>) {
        match (self, event) {
            (Self::Up, Event::Connected) => (Self::Up, None),
            (_, Event::Connected) => (Self::Up, Some(News::Connected)),
            (Self::Down(times), Event::Failed(_)) => (Self::Down(times.saturating_add(1)), None),
            (_, Event::Failed(reason)) => (Self::Down(1), Some(News::Lost { reason })),
        }
    }

    /// How long to wait before the next attempt; `random` is from 0 to 1.
    fn pause(self, random: f64) -> Option<Duration> {
        let Self::Down(times) = self else { return None };
        let longest = FIRST_PAUSE.saturating_mul(1 << (times - 1).min(5)).min(LONGEST_PAUSE);
        Some(longest.mul_f64(random).max(SHORTEST_PAUSE))
    }
}

/// Keeps a client connected until it is dropped; dropping waits for the thread.
#[derive(Debug)]
pub(super) struct Keeper {
    ending: Arc<Ending>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::NoThread`]: the system gives none.
    pub(super) fn start(client: Box<dyn Client>, listener: Arc<dyn Listener>) -> Result<Self, Error> {
        let ending = Arc::new(Ending::default());
        let asked = Arc::clone(&ending);
        let thread = thread::Builder::new()
            .name("broker".into())
            .spawn(move || keep(client, &*listener, &asked))
            .map_err(|source| Error::NoThread { source })?;
        Ok(Self { ending, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ending.ask();
        let Some(thread) = self.thread.take() else { return };
        // A listener that ends its own connection would wait for itself for ever; the thread ends when it returns.
        if thread.thread().id() != thread::current().id() {
            // Panics are caught in the thread.
            let _ = thread.join();
        }
    }
}

/// A panic, of a client library on what a broker sent or of the listener on a message, is one more way to lose a
/// connection: the next one is made anew, and the message at fault is not handed over again.
fn guarded<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err("what handles its messages failed (a message on standard error says where; please report it)".into())
    })
}

fn keep(mut client: Box<dyn Client>, listener: &dyn Listener, ending: &Ending) {
    let mut state = State::Unknown;
    while !ending.asked() {
        let event = match state {
            State::Up => match guarded(|| client.work(WORK)) {
                Ok(()) => continue,
                Err(reason) => Event::Failed(reason),
            },
            State::Unknown | State::Down(_) => match guarded(|| client.connect(ending)) {
                Ok(()) => Event::Connected,
                Err(_) if ending.asked() => break,
                Err(reason) => Event::Failed(reason),
            },
        };
        if let Event::Failed(_) = event {
            disconnect(&mut *client);
        }
        let (next, news) = state.after(event);
        state = next;
        if let Some(news) = news {
            // A listener that cannot even take news: its message is on standard error, and there is nobody else to tell.
            let _ = guarded(|| {
                listener.news(news);
                Ok(())
            });
        }
        if let Some(pause) = state.pause(fastrand::f64()) {
            ending.wait(pause);
        }
    }
    disconnect(&mut *client);
}

/// What a panic in it leaves behind is dropped with the client, or replaced by the next connection.
fn disconnect(client: &mut dyn Client) {
    let _ = guarded(|| {
        client.disconnect();
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Event {
        Event::Failed("no".into())
    }

    #[test]
    fn news_come_once_per_change() {
        let lost = Some(News::Lost { reason: "no".into() });
        let (state, news) = State::Unknown.after(failed());
        assert_eq!((state, news), (State::Down(1), lost.clone()));
        let (state, news) = state.after(failed());
        assert_eq!((state, news), (State::Down(2), None));
        let (state, news) = state.after(Event::Connected);
        assert_eq!((state, news), (State::Up, Some(News::Connected)));
        assert_eq!(state.after(failed()), (State::Down(1), lost));
    }

    /// Fails in every way there is, one after the other.
    struct Failing(u32);

    impl Client for Failing {
        fn connect(&mut self, _: &Ending) -> Result<(), String> {
            self.0 += 1;
            assert!(self.0 != 1, "a panic that belongs to the test");
            Ok(())
        }

        fn work(&mut self, _: Duration) -> Result<(), String> {
            panic!("a panic that belongs to the test");
        }

        fn disconnect(&mut self) {
            panic!("a panic that belongs to the test");
        }
    }

    struct Heard(parking_lot::Mutex<std::sync::mpsc::Sender<News>>);

    impl Listener for Heard {
        fn message(&self, _: crate::broker::Arrived) {}

        fn news(&self, news: News) {
            self.0.lock().send(news).unwrap();
            panic!("a panic that belongs to the test");
        }

        fn complaint(&self, _: String) {}
    }

    #[test]
    fn a_panic_is_a_loss_like_any_other() {
        let (send, heard) = std::sync::mpsc::channel();
        let keeper = Keeper::start(Box::new(Failing(0)), Arc::new(Heard(send.into()))).unwrap();
        for connected in [false, true, false, true] {
            let news = heard.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(news == News::Connected, connected, "{news:?}");
        }
        drop(keeper);
    }

    #[test]
    fn pauses_grow_to_thirty_seconds_and_stay_there() {
        let longest = |times| State::Down(times).pause(1.0).unwrap().as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, 7, u32::MAX].map(longest), [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(State::Down(3).pause(0.0), Some(SHORTEST_PAUSE));
        assert_eq!(State::Up.pause(1.0), None);
    }
}
