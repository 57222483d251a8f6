//! The process that records and is killed: recorders of its own, commands on stdin, what happens on stdout.
//! Each line of either is a JSON object; it ends with `quit` or with its stdin.
//! Starting and judging it is left to `handle`.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use recorder::core::{Config, Moment, Overlap, StartRequest};
use recorder::event::{Event, EventSink};
use recorder::record::Trigger;
use recorder::recorder::{RecorderSetup, SourceSetup};
use recorder::source::{Location, Mode, Reception, RtpProtocol};
use recorder::{Container, Recorder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, meter};

/// How often it tells what has reached the engine.
const PROGRESS_PERIOD: Duration = Duration::from_millis(50);

/// One recorder of one source in a victim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecorderPlan {
    /// As in `uri-list`.
    pub source: String,
    /// Where recordings go.
    pub dir: PathBuf,
    /// MKV instead of MP4.
    pub mkv: bool,
    /// `smart-rec-max-pending-bytes`; `None`: the engine's own.
    pub max_pending: Option<usize>,
    /// `smart-rec-cache`.
    pub cache: Duration,
    /// `rtsp-reconnect-interval`; `None`: a lost source ends.
    pub reconnect: Option<Duration>,
}

/// What a victim is told on its stdin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Starts a session.
    Start {
        /// Of which recorder.
        recorder: usize,
        /// So long before now, seconds.
        back: f64,
        /// So long after now, seconds.
        on: f64,
        /// The caller's id.
        id: String,
    },
    /// Ends all sessions of a recorder.
    Stop {
        /// Which one.
        recorder: usize,
    },
    /// Finishes everything and ends.
    Quit,
}

/// The engine's setup for a plan.
fn setup(plan: &RecorderPlan) -> Result<RecorderSetup, Error> {
    Ok(RecorderSetup {
        sources: vec![SourceSetup {
            location: Location::parse(&plan.source).map_err(|reason| Error::setup("read a source", reason))?,
            sensor: "chaos".into(),
        }],
        reception: Reception {
            mode: Mode::AudioAndVideo,
            latency_ms: 100,
            protocol: RtpProtocol::Any,
            reconnect: plan.reconnect,
        },
        config: Config {
            window: plan.cache,
            cache_bytes: 0,
            default_duration: Duration::from_secs(10),
            max_duration: Duration::ZERO,
            max_sessions: 64,
            max_pending: plan.max_pending.unwrap_or(256 << 20),
            overlap: Overlap::Separate,
            both: true,
            early: false,
        },
        container: if plan.mkv { Container::Mkv } else { Container::Mp4 },
        dir: plan.dir.clone(),
        prefix: "chaos".into(),
        sidecar: true,
        trim: false,
        total_cache_bytes: 0,
        recordbin_lib: None,
    })
}

/// Nanoseconds since 1970: one clock for the victim and those who watch it.
pub fn clock_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes one line. Whoever started this process may be gone, and then nobody wants to know.
fn say(line: &Value) {
    let mut stdout = std::io::stdout().lock();
    drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}

fn sink(recorder: usize) -> EventSink {
    Arc::new(move |event| {
        say(&match event {
            Event::Done(record) => json!({"done": recorder, "id": record.header.id, "record": record}),
            Event::Failed(record) => json!({"failed": recorder, "id": record.header.id, "record": record}),
            Event::SourceEnded { error, .. } => json!({"source-ended": recorder, "error": error}),
            // For whoever looks into what a victim wrote.
            other => json!({"notice": recorder, "text": format!("{other:?}")}),
        });
    })
}

/// Runs it to its end.
///
/// # Errors
/// When the plan cannot be read or a recorder does not start.
pub fn run(plan: &str) -> Result<(), Error> {
    let plans: Vec<RecorderPlan> = serde_json::from_str(plan).map_err(|e| Error::setup("read the plan", e))?;
    gst::init().map_err(|e| Error::setup("initialise GStreamer", e))?;
    meter::start();
    let mut recorders = Vec::new();
    for (index, plan) in plans.iter().enumerate() {
        let recorder = Recorder::start(&setup(plan)?, &sink(index));
        recorders.push(recorder.map_err(|error| Error::setup("start a recorder", error))?);
    }
    let count = recorders.len();
    std::thread::Builder::new()
        .name("progress".into())
        .spawn(move || {
            loop {
                say(&progress(count));
                std::thread::sleep(PROGRESS_PERIOD);
            }
        })
        .map_err(|e| Error::setup("start a thread", e))?;
    say(&json!({"ready": count}));
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(Command::Start { recorder, back, on, id }) => start(&recorders, recorder, back, on, id),
            Ok(Command::Stop { recorder }) => {
                // Nothing to stop is told by the done or failed record that has come before.
                let _ = recorders.get(recorder).map(|recorder| recorder.stop_session(0, None));
            }
            Ok(Command::Quit) => break,
            Err(error) => return Err(Error::setup("read a command", error)),
        }
    }
    let late: usize = recorders.iter().map(|recorder| recorder.stop().len()).sum();
    say(&json!({"bye": late}));
    Ok(())
}

fn start(recorders: &[Recorder], index: usize, back: f64, on: f64, id: String) {
    let Some(recorder) = recorders.get(index) else { return say(&json!({"rejected": index, "id": id})) };
    let ago = Duration::from_secs_f64(back);
    let request = StartRequest {
        start: if ago.is_zero() { Moment::Now } else { Moment::Ago(ago) },
        end: Some(Moment::In(Duration::from_secs_f64(on))),
        overlap: None,
    };
    let trigger = Trigger { id: Some(id.clone()), metadata: None };
    let reached = meter::reached(index).frames;
    let answer = |accepted: &recorder::core::Accepted| {
        say(&json!({"accepted": index, "id": id, "session": accepted.session, "frames": reached, "at": clock_ns()}));
    };
    if let Err(rejection) = recorder.start_session(0, request, trigger, answer) {
        say(&json!({"rejected": index, "id": id, "reason": rejection.to_string()}));
    }
}

fn progress(count: usize) -> Value {
    let figures: Vec<_> = (0..count)
        .map(|index| {
            let reached = meter::reached(index);
            json!({
                "frames": reached.frames,
                "pts": reached.newest_pts_ns,
                "longest-us": u64::try_from(reached.longest.as_micros()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    // Taken after the figures: by then they had been reached.
    json!({"progress": figures, "at": clock_ns(), "rss-kib": resident_kib()})
}

/// Resident memory of this process (proc(5), `VmRSS`).
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
