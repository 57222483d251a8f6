//! What the element tells on the bus: one structure for each answer and each end of a recording (docs/element.md).
//! When it is told is left to `imp`.

use recorder::core::Accepted;
use recorder::record::{Header, Times};
use recorder::{DoneRecord, FailedRecord};

type Builder = gst::structure::Builder;

/// A start has become a recording, or part of one.
pub(super) fn accepted(session: u32, accepted: &Accepted, id: Option<&str>) -> gst::Structure {
    let name = if accepted.merged { "smart-record-merged" } else { "smart-record-accepted" };
    let late = accepted.late.map(|(begins, why)| {
        format!("will begin {:.3} s after the asked start: {why}", begins.since(accepted.asked.start).as_secs_f64())
    });
    let limited = accepted.limited.map(|end| {
        let short = accepted.asked.end.since(end).as_secs_f64();
        format!("will end {short:.3} s before the asked end: smart-rec-max-duration")
    });
    let notes: Vec<_> = late.into_iter().chain(limited).collect();
    let builder = gst::Structure::builder(name).field("session", session).field_if_some("id", id);
    times(builder, "asked", &Times::new(accepted.asked, accepted.asked_utc)).field("notes", notes.join("; ")).build()
}

/// A start or stop does nothing.
pub(super) fn rejected(command: &str, reason: &str, id: Option<&str>) -> gst::Structure {
    gst::Structure::builder("smart-record-rejected")
        .field("command", command)
        .field("reason", reason)
        .field_if_some("id", id)
        .build()
}

/// A recording is complete.
pub(super) fn done(session: u32, done: &DoneRecord) -> gst::Structure {
    let length = done.actual.running();
    let length = length.end.since(length.start);
    let files: Vec<_> = done.files.iter().map(|file| file.file.to_string_lossy()).collect();
    let name = if done.recovered { "smart-record-recovered" } else { "smart-record-done" };
    let builder = header(name, session, &done.header).field("location", done.file.to_string_lossy().as_ref()).field_if(
        "locations",
        files.join("\n"),
        files.len() > 1,
    );
    times(builder, "actual", &done.actual)
        .field("duration", nanos(length))
        .field("lead", done.lead_ns)
        .field("missing-at-start", done.missing_at_start_ns)
        .field("missing-at-end", done.missing_at_end_ns)
        .field("gap-count", done.gap_count)
        .field("bytes", done.bytes)
        .field("ended", done.ended.as_str())
        .field("notes", done.notes.join("; "))
        .field_if_some("record", serde_json::to_string(done).ok())
        .build()
}

/// A recording has ended without a complete file.
pub(super) fn failed(session: u32, failed: &FailedRecord) -> gst::Structure {
    let complete = failed.files.iter().map(|file| &file.file);
    let files: Vec<_> = complete.chain(&failed.file).map(|file| file.to_string_lossy()).collect();
    header("smart-record-failed", session, &failed.header)
        .field("reason", failed.reason.as_str())
        .field_if("locations", files.join("\n"), !files.is_empty())
        .field_if_some("record", serde_json::to_string(failed).ok())
        .build()
}

fn header(name: &str, session: u32, header: &Header) -> Builder {
    let builder = gst::Structure::builder(name).field("session", session);
    times(builder.field_if_some("id", header.id.as_deref()), "asked", &header.asked)
}

fn times(builder: Builder, which: &str, times: &Times) -> Builder {
    let utc = |time: Option<recorder::core::Utc>| time.map(|time| time.to_string());
    builder
        .field(format!("{which}-start"), times.start_running_ns)
        .field(format!("{which}-end"), times.end_running_ns)
        .field_if_some(format!("{which}-start-utc"), utc(times.start))
        .field_if_some(format!("{which}-end-utc"), utc(times.end))
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
