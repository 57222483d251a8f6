//! A recorder of one source for a test, and its events.
//! Sources and judging are left to the crate `testbed`, what is asserted to the tests.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use recorder::core::{Config, Overlap};
use recorder::event::{Event, EventSink};
use recorder::recorder::{RecorderSetup, SourceSetup};
use recorder::source::{Location, Mode, Reception, RtpProtocol};
use recorder::{Container, DoneRecord, Recorder};

/// Starts a recorder of `source` with a cache of 10 s. A lost source ends.
pub fn start(source: &str, dir: &Path, container: Container) -> (Recorder, Receiver<Event>) {
    start_with(source, dir, container, None)
}

/// Starts a recorder of `source` with a cache of 10 s, which connects a lost source again at this interval.
pub fn start_with(
    source: &str,
    dir: &Path,
    container: Container,
    reconnect: Option<Duration>,
) -> (Recorder, Receiver<Event>) {
    start_all(&[source], dir, container, reconnect)
}

/// Starts a recorder of several sources.
pub fn start_all(
    sources: &[&str],
    dir: &Path,
    container: Container,
    reconnect: Option<Duration>,
) -> (Recorder, Receiver<Event>) {
    try_start(sources, dir, container, reconnect, None).unwrap()
}

/// Starts a recorder of one source that records with a library.
pub fn start_library(
    library: &Path,
    source: &str,
    dir: &Path,
    container: Container,
    reconnect: Option<Duration>,
) -> (Recorder, Receiver<Event>) {
    try_start(&[source], dir, container, reconnect, Some(library)).unwrap()
}

/// Starts a recorder, or does not.
pub fn try_start(
    sources: &[&str],
    dir: &Path,
    container: Container,
    reconnect: Option<Duration>,
    recordbin_lib: Option<&Path>,
) -> Result<(Recorder, Receiver<Event>), recorder::Error> {
    let (sender, events) = channel();
    let sender = Mutex::new(sender);
    let sink: EventSink = Arc::new(move |event| {
        // Nothing is left from before in a new folder.
        if !matches!(event, Event::RecoveryEnded) {
            sender.lock().unwrap().send(event).unwrap();
        }
    });
    let setup = RecorderSetup {
        sources: sources
            .iter()
            .map(|source| SourceSetup { location: Location::parse(source).unwrap(), sensor: "gate".into() })
            .collect(),
        reception: Reception { mode: Mode::AudioAndVideo, latency_ms: 100, protocol: RtpProtocol::Any, reconnect },
        config: Config {
            window: Duration::from_secs(10),
            cache_bytes: 0,
            default_duration: Duration::from_secs(3),
            max_duration: Duration::ZERO,
            max_sessions: 16,
            max_pending: 256 << 20,
            overlap: Overlap::Separate,
            both: true,
            early: false,
        },
        container,
        dir: dir.into(),
        prefix: "Smart_Record".into(),
        sidecar: true,
        trim: false,
        total_cache_bytes: 0,
        recordbin_lib: recordbin_lib.map(Into::into),
    };
    Ok((Recorder::start(&setup, &sink)?, events))
}

/// The next done record.
pub fn done(events: &Receiver<Event>) -> Box<DoneRecord> {
    loop {
        match events.recv_timeout(testbed::HANG_GUARD).unwrap() {
            Event::Done(done) => return done,
            Event::Notice(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
