//! Tests of `receipt`: words of the log line, and each kind of receipt against its published schema.
//! Each kind is tried with all that may be there, and with nothing of it.
//! What is in them in earnest is left to the tests in tests/.

use std::path::PathBuf;
use std::time::Duration;

use recorder::Container;
use recorder::core::{
    Budget, EndReason, Interval, Late, Rejection, RunningTime, SessionId, Utc, UtcInterval, UtcOrigin,
};
use recorder::record::{AudioTrack, FileRecord, GapRecord, MergedTrigger, VideoTrack};
use serde_json::{Value, json};

use super::*;

#[path = "../../tests/common/schema.rs"]
mod schema;

const START: RunningTime = RunningTime(-1_500_000_000);

fn full() -> Trigger {
    Trigger { id: Some("door-1".into()), metadata: Some(json!({"plate": "B-XY 123"})) }
}

fn interval() -> Interval {
    Interval { start: START, end: START + Duration::from_secs(10) }
}

fn utc() -> UtcInterval {
    UtcInterval { start: Utc(1_589_832_120_051_999_999), end: Utc(1_589_832_130_051_000_000) }
}

fn accepted(merged: bool, full: bool) -> Accepted {
    Accepted {
        session: SessionId(3),
        merged,
        asked: interval(),
        asked_utc: full.then(utc),
        late: full.then_some((START + Duration::from_secs(1), Late::Budget(Budget::Total))),
        limited: full.then_some(START + Duration::from_secs(5)),
    }
}

fn header(full: bool) -> Header {
    Header {
        version: VERSION,
        id: full.then(|| "door-1".into()),
        sensor: Sensor { id: "gate".into() },
        source: 2,
        session: SessionId(3),
        asked: Times::new(interval(), full.then(utc)),
    }
}

fn file(full: bool) -> FileRecord {
    let times = Times::new(interval(), full.then(utc));
    let known = |number| full.then_some(number);
    FileRecord {
        file: "recordings/Smart_Record_2_00000.mp4".into(),
        actual: times,
        presented: full.then_some(times),
        video: Some(VideoTrack { codec: "H.264".into(), width: known(320), height: known(240), frames: 300 }),
        audio: full.then(|| AudioTrack { codec: "AAC".into(), channels: Some(2), rate: Some(48_000), frames: 470 }),
        bytes: 1 << 40,
        sha256: full.then(|| "0123456789abcdef".repeat(4)),
    }
}

fn merged(full: bool) -> Vec<MergedTrigger> {
    let trigger = |id, metadata| MergedTrigger { id, asked: Times::new(interval(), None), metadata };
    if full { vec![trigger(Some("door-2".into()), Some(json!({}))), trigger(None, None)] } else { Vec::new() }
}

fn done(full: bool, ended: EndReason) -> DoneRecord {
    let files = if full { vec![file(true), file(false)] } else { vec![file(false)] };
    DoneRecord {
        header: header(full),
        file: files[0].file.clone(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        files,
        actual: Times::new(interval(), full.then(utc)),
        utc_origin: full.then_some(UtcOrigin::Sender),
        lead_ns: 966_666_667,
        missing_at_start_ns: 0,
        missing_at_end_ns: u64::MAX,
        gaps: if full { vec![GapRecord { after_running_ns: -1, until_running_ns: i64::MAX }] } else { Vec::new() },
        gap_count: u64::from(full),
        container: if full { Container::Mkv } else { Container::Mp4 },
        ended,
        recovered: ended == EndReason::Crashed,
        notes: if full { vec![format!("ended: {}", ended.as_str())] } else { Vec::new() },
        merged: merged(full),
        first_asked: None,
        metadata: full.then(|| json!({"plate": "B-XY 123"})),
    }
}

fn failed(full: bool) -> FailedRecord {
    FailedRecord {
        header: header(full),
        file: full.then(|| PathBuf::from("recordings/Smart_Record.mp4.part")),
        files: if full { vec![file(true), file(false)] } else { Vec::new() },
        reason: "the disk is full".into(),
        merged: merged(full),
        first_asked: None,
        metadata: full.then(|| json!({})),
    }
}

/// A receipt with every member that its kind may have, and one with none that it need not have.
fn receipts() -> Vec<Receipt> {
    let reason = || Rejection::Overlaps { session: SessionId(0) }.to_string();
    let both = [true, false];
    let trigger = |all: bool| if all { full() } else { Trigger::default() };
    let of_each = |all: bool| {
        [
            Receipt::started(2, "gate", trigger(all), &accepted(false, all)),
            Receipt::started(2, "gate", trigger(all), &accepted(true, all)),
            Receipt::stopped(2, "gate", trigger(all), (0..if all { 3 } else { 1 }).map(SessionId).collect()),
            Receipt::rejected(Asked::StartRecording, 2, "gate", trigger(all), reason()),
            Receipt::rejected(Asked::StopRecording, 2, "gate", trigger(all), reason()),
            Receipt::unreadable(all.then(|| "yard".into()), trigger(all), reason()),
            Receipt::Done(Box::new(done(all, EndReason::EndReached))),
            Receipt::Recovered(Box::new(done(all, EndReason::Crashed))),
            Receipt::Failed(Box::new(failed(all))),
        ]
    };
    both.into_iter().flat_map(of_each).collect()
}

fn json(receipt: &Receipt) -> Value {
    serde_json::from_slice(&receipt.to_json().unwrap()).unwrap()
}

#[test]
fn each_kind_of_receipt_is_valid_by_its_schema() {
    for receipt in receipts() {
        schema::check_receipt(&json(&receipt)).unwrap();
    }
}

#[test]
fn each_reason_of_an_end_is_in_the_schema() {
    // A new one breaks this match: it belongs into the list and into the schema.
    let known = |reason| match reason {
        EndReason::EndReached
        | EndReason::Stopped
        | EndReason::MaxDuration
        | EndReason::EndOfStream
        | EndReason::SourceLost
        | EndReason::FormatChanged
        | EndReason::Stalled
        | EndReason::Shutdown
        | EndReason::Crashed => reason,
    };
    for reason in [
        EndReason::EndReached,
        EndReason::Stopped,
        EndReason::MaxDuration,
        EndReason::EndOfStream,
        EndReason::SourceLost,
        EndReason::FormatChanged,
        EndReason::Stalled,
        EndReason::Shutdown,
        EndReason::Crashed,
    ] {
        let record = done(true, known(reason));
        schema::check_sidecar(&serde_json::to_value(&record).unwrap()).unwrap();
    }
}

#[test]
fn a_member_that_is_not_described_is_found() {
    for receipt in receipts() {
        let mut receipt = json(&receipt);
        receipt["colour"] = "red".into();
        assert!(schema::check_receipt(&receipt).unwrap_err().contains("colour"), "{receipt}");
    }
    let sidecar = serde_json::to_value(done(true, EndReason::EndReached)).unwrap();
    for member in ["/files/0", "/asked", "/merged/0", "/gaps/0", "/files/0/video", "/files/0/audio", "/sensor", ""] {
        let mut changed = sidecar.clone();
        changed.pointer_mut(member).unwrap()["colour"] = "red".into();
        assert!(schema::check_sidecar(&changed).is_err(), "{member}");
    }
}

#[test]
fn a_member_that_must_be_there_is_missed() {
    // What `receipts` leaves out may be missing; all the rest must not.
    for receipt in receipts().split_off(receipts().len() / 2) {
        let receipt = json(&receipt);
        for member in receipt.as_object().unwrap().keys() {
            // Of messages that could not be read only the reason is sure.
            let mut changed = receipt.clone();
            changed.as_object_mut().unwrap().remove(member);
            let optional = receipt["receipt"] == "rejected" && ["command", "sensor", "source"].contains(&&**member);
            assert_eq!(schema::check_receipt(&changed).is_ok(), optional, "without {member}: {receipt}");
        }
    }
}

#[test]
fn a_rejected_receipt_names_the_event_and_the_reason() {
    let trigger = Trigger { id: Some("door-1".into()), metadata: None };
    let receipt = Receipt::rejected(Asked::StopRecording, 2, "gate", trigger, "nothing runs".into());
    assert_eq!(receipt.to_string(), "source 2 (gate): stop rejected: nothing runs, event 'door-1'");
    let json = json(&receipt);
    assert_eq!(json["receipt"], "rejected");
    assert_eq!(json["command"], "stop-recording");
    assert_eq!(json["sensor"]["id"], "gate");
    assert_eq!(json["id"], "door-1");
}

/// A recorder that gets receipts as messages must not answer them.
#[test]
fn receipts_are_told_from_triggers() {
    for receipt in receipts() {
        assert!(is_receipt(&receipt.to_json().unwrap()), "{receipt}");
    }
    for trigger in [
        r#"{"command":"start-recording","sensor":{"id":"receipt"},"id":"receipt"}"#,
        r#"{"sensor":{"id":"0"},"metadata":{"receipt":"done","version":1}}"#,
        r#"{"sensor":{"id":"0"},"receipt":"till 7"}"#,
        r#"["receipt"]"#,
        r#""receipt""#,
    ] {
        assert!(!is_receipt(trigger.as_bytes()), "{trigger}");
    }
}
