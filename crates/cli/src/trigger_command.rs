//! `smart-record trigger`: asks a recorder to start or to stop a recording, by one message.
//! Options, what becomes of them, and the exit status: 0 sent (with --wait: recorded), 1 not, 2 usage or time-out.
//! It leaves the message to `draft`, and where it goes to `delivery`.

mod address;
mod answer;
mod delivery;
mod draft;
mod exchange;
mod file_sink;
pub(crate) mod values;

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use ::trigger::{Overlap, Utc};
use answer::Awaited;
use delivery::{Delivery, Destination};
use draft::{Action, Draft};
use exchange::{Exchange, Wait};
use values::Metadata;

use crate::error::Error;

const EXAMPLES: &str = "\
Examples:
  Show the message for a recording of 15 seconds that began 5 seconds ago:
    smart-record trigger start camera-7 --before 5s --for 15s

  Send it to a graph that reads a FIFO (graphs/messages-from-file.yaml):
    smart-record trigger start camera-7 --before 5s --for 15s --to-file /tmp/smart-record.fifo

  An interval by the clock, with something to remember it by:
    smart-record trigger start gate --start 2026-11-23T08:00:00Z --end 2026-11-23T08:00:30Z \\
      --id door-4711 --metadata plate=B-XY123 --metadata lane=2

  Through Kafka, waiting for the recording (graphs/kafka.yaml):
    smart-record trigger start camera-7 --before 5s --for 15s --to kafka://localhost/smart-record \\
      --wait --receipts smart-record-receipts

  Through a broker as a graph or DeepStream names it:
    smart-record trigger start camera-7 --conn-str 'localhost;1883' --proto-lib builtin:mqtt --topic smart-record

  End what records camera-7:
    smart-record trigger stop camera-7 --to-file /tmp/smart-record.fifo

Exit status:
  0  the message is written or delivered; with --wait, the recording is complete
  1  it could not be; with --wait, the recorder has rejected it, or the recording has failed
  2  the command line is wrong, or time ran out";

const DAY: Duration = Duration::from_secs(86_400);

/// What to do.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    action: ActionOptions,
}

#[derive(Debug, clap::Subcommand)]
enum ActionOptions {
    /// Starts a recording.
    ///
    /// Without times it begins when the recorder gets the message, and ends with a stop or after the recorder's default
    /// duration. Times become absolute when the command runs, by this machine's clock. DURATION is a number with a unit,
    /// or several: 5s, 500ms, 2m, 1h30m.
    #[command(after_long_help = EXAMPLES)]
    Start(Box<StartOptions>),
    /// Ends running recordings of a sensor; their files are finished, not removed.
    #[command(after_long_help = EXAMPLES)]
    Stop(Box<StopOptions>),
}

#[derive(Debug, clap::Args)]
struct StartOptions {
    /// The sensor: a name that the recorder knows, or the index of its source, from 0.
    sensor: String,
    /// Begin so long before now; the recorder's cache must reach back so far.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, conflicts_with = "start")]
    before: Option<Duration>,
    /// Begin at this time (RFC 3339; without an offset it is UTC). In the past: as far as the cache reaches.
    #[arg(long, value_name = "TIME", value_parser = values::moment)]
    start: Option<Utc>,
    /// Length of the interval, from its beginning (not from now) to its end.
    #[arg(long = "for", value_name = "DURATION", value_parser = values::length, conflicts_with = "end")]
    length: Option<Duration>,
    /// End at this time (RFC 3339; without an offset it is UTC).
    #[arg(long, value_name = "TIME", value_parser = values::moment)]
    end: Option<Utc>,
    /// If the sensor is being recorded already: separate, extend, merge or reject, whatever smart-rec-overlap says.
    #[arg(long, value_name = "POLICY")]
    overlap: Option<Overlap>,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, clap::Args)]
struct StopOptions {
    /// The sensor: a name that the recorder knows, or the index of its source, from 0.
    sensor: String,
    /// Only this session, by the number in the receipts; else all sessions of the sensor.
    #[arg(long, value_name = "NUMBER")]
    session: Option<u32>,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, clap::Args)]
struct CommonOptions {
    /// Your name for the event: comes back in every receipt and in the sidecar file. At most 256 bytes.
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// What to keep with the recording: a JSON object, or one member of it as text. May be given several times.
    #[arg(long, value_name = "JSON|KEY=VALUE")]
    metadata: Vec<Metadata>,
    #[command(flatten)]
    delivery: Delivery,
}

/// Builds the message and sends it.
///
/// # Errors
/// [`Error::BadTrigger`] when no recorder would take the message; else why it could not be sent.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let (sensor, action, common) = match options.action {
        ActionOptions::Start(start) => {
            let StartOptions { sensor, before, start, length, end, overlap, common } = *start;
            (sensor, Action::Start { before, start, length, end, overlap }, common)
        }
        ActionOptions::Stop(stop) => {
            let StopOptions { sensor, session, common } = *stop;
            (sensor, Action::Stop { session }, common)
        }
    };
    let destination = common.delivery.destination()?;
    let waits = matches!(destination, Destination::Broker { receipts: Some(_), .. });
    // Receipts are told by it.
    let id = common.id.or_else(|| waits.then(|| format!("trigger-{:032x}", fastrand::u128(..))));
    let draft = Draft { sensor, action, id, metadata: Metadata::merge(common.metadata) };
    let now = values::now();
    let message = draft.message(now)?;
    match destination {
        Destination::Stdout => print(&message)?,
        Destination::File { path, timeout } => file_sink::append(path, &message, after(timeout))?,
        Destination::Broker { endpoint, topic, receipts, timeout } => {
            let patience = if waits { timeout.saturating_add(draft.ends_in(now)) } else { timeout };
            let exchange =
                Exchange { endpoint: &endpoint, topic: &topic, message: &message, deadline: after(patience) };
            match (receipts, &draft.id) {
                (Some(receipts), Some(id)) => {
                    let awaited = match draft.action {
                        Action::Start { .. } => Awaited::Recording,
                        Action::Stop { .. } => Awaited::Acceptance,
                    };
                    let wait = Wait { topic: receipts, id, awaited };
                    let (receipt, outcome) = exchange.send_and_wait(&wait, |underway| {
                        eprintln!("{underway}");
                    })?;
                    print(&receipt.to_string())?;
                    outcome?;
                }
                _ => exchange.send()?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The moment after so long a time. A clock that cannot count so far counts a day: nobody waits for longer.
fn after(time: Duration) -> Instant {
    Instant::now().checked_add(time).unwrap_or_else(|| Instant::now() + DAY)
}

/// One line on standard output.
fn print(line: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(Error::Stdout)
}
