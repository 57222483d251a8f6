//! Promise: the extension as it was built runs on every GXF release: recordings that Ctrl-C ends are complete, and triggers
//! come in and receipts go out with nothing in the graph but what the oldest release has.
//! `scripts/test-gxf` runs this, and others of these tests, on each release; here it is the reference that runs.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{Graph, built, repository, run_text, start_text};
use serde_json::{Value, json};
use testbed::{DirWatch, HANG_GUARD, JsonLines, RtspCamera, Scene, ffprobe, temp_dir};

/// Small, so that many releases can be tested at once.
const PICTURE: &str = "launch:videotestsrc is-live=true ! video/x-raw,width=128,height=96,framerate=15/1 \
                       ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15";

/// Demuxes a recording: it has frames, begins with a keyframe, and nothing is wrong with it.
fn check_file(path: &Path) -> u64 {
    let probe = ffprobe(path).unwrap();
    assert_eq!(probe.errors, [""; 0], "{}", path.display());
    assert!(probe.begins_with_keyframe && probe.frames > 0, "{probe:?}");
    probe.frames
}

#[test]
fn ctrl_c_completes_what_local_events_record() {
    let run = Graph::shipped("local-events")
        .set("uri-list", PICTURE)
        .override_with("recorder/smart_record/smart-rec-interval=1")
        .override_with("recorder/smart_record/smart-rec-start-time=1")
        .override_with("recorder/smart_record/smart-rec-duration=600")
        .start();
    // Two recordings, each with a journal.
    DirWatch::new(run.recordings()).unwrap().wait_for_files("part", 4, HANG_GUARD).unwrap();
    let (outcome, ended) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert!(outcome.lines_with("ERROR").is_empty(), "{}", outcome.text());
    let names = ended.file_names();
    let records: Vec<&String> = names.iter().filter(|name| name.ends_with(".json")).collect();
    assert!(records.len() >= 2, "{names:?}");
    assert_eq!(names.len(), 2 * records.len(), "each with its record, and nothing temporary is left: {names:?}");
    for name in records {
        let record: Value = serde_json::from_slice(&std::fs::read(ended.recordings.join(name)).unwrap()).unwrap();
        assert_eq!(record["ended"], "shutdown", "{record}");
        let frames = check_file(Path::new(record["file"].as_str().unwrap()));
        assert_eq!(record["files"][0]["video"]["frames"], frames, "{record}");
    }
}

/// A PeriodicSchedulingTerm looks for messages and for events, where no OrSchedulingTermCombiner joins the two (GXF 4.0).
const TRIGGERED: &str = "
name: messages
components:
- {name: file, type: nvidia::deepstream::NvDsMsgFileReceiver, parameters: {path: IN, tx: tx}}
- {name: tx, type: nvidia::gxf::DoubleBufferTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: recorder
components:
- name: smart_record
  type: nvidia::deepstream::NvDsSmartRecord
  parameters: {uri-list: 'PICTURE', sensor-id-list: gate, smart-rec-dir-path: DIR, msg-rx: rx, done-tx: tx}
- {name: rx, type: nvidia::gxf::DoubleBufferReceiver, parameters: {capacity: 16}}
- {name: tx, type: nvidia::gxf::DoubleBufferTransmitter}
- {type: nvidia::gxf::PeriodicSchedulingTerm, parameters: {recess_period: 20ms}}
---
name: receipts
components:
- {name: rx, type: nvidia::gxf::DoubleBufferReceiver, parameters: {capacity: 16}}
- {name: file, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: OUT, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::gxf::Connection, parameters: {source: messages/tx, target: recorder/rx}}
- {type: nvidia::gxf::Connection, parameters: {source: recorder/tx, target: receipts/rx}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: SCHEDULER, parameters: {clock: clock, stop_on_deadlock: false}}
";

fn a_trigger_is_answered_under(scheduler: &str) {
    let folder = temp_dir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    // Accepted, or rejected because the source has not begun: an answer either way.
    let trigger = "{\"sensor\": {\"id\": \"gate\"}, \"id\": \"knock\"}\n";
    std::fs::write(path("in"), trigger).unwrap();
    std::fs::create_dir(path("recordings")).unwrap();
    let mut receipts = JsonLines::follow(&path("out")).unwrap();
    let mut graph = TRIGGERED.replace("PICTURE", PICTURE).replace("SCHEDULER", scheduler);
    for (word, name) in [("IN,", "in"), ("OUT,", "out"), ("DIR,", "recordings")] {
        graph = graph.replace(word, &format!("{},", path(name).display()));
    }
    let mut program = start_text(folder.path(), &graph, &[&built().extension]);
    let answer = receipts.wait_for("an answer", HANG_GUARD, |receipt| receipt["id"] == "knock");
    let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", program.seen().join("\n")));
    program.interrupt().unwrap();
    let status = program.wait(HANG_GUARD).unwrap();
    assert_eq!(status.code(), Some(0), "{}\n{}", answer, program.seen().join("\n"));
}

#[test]
fn a_trigger_is_answered_under_each_scheduler() {
    for scheduler in ["GreedyScheduler", "MultiThreadScheduler", "EventBasedScheduler"] {
        a_trigger_is_answered_under(&format!("nvidia::gxf::{scheduler}"));
    }
}

/// The shipped graph that needs no OrSchedulingTermCombiner, with its parameter file and the addition for receipts.
#[test]
fn a_trigger_makes_a_recording_with_the_graph_for_gxf_4_0() {
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let graph = Graph::shipped("gxf-4.0/messages-from-file")
        .file(&repository().join("graphs/messages-from-file.parameters.yaml"))
        .receipts()
        .with_fifo_of_its_own();
    let fifo = format!("messages/file/path={}", graph.fifo().display());
    let recordings = format!("recorder/smart_record/smart-rec-dir-path={}", graph.recordings().display());
    let mut run = graph
        .override_with(&fifo)
        .override_with(&recordings)
        .override_with(&format!("recorder/smart_record/uri-list={}", camera.url()))
        .start();
    run.wait_until_recordable(&camera, &["0"]);
    run.ask(&json!({"command": "start-recording", "sensor": {"id": "0"}, "id": "knock"}));
    run.wait_for_frame(&camera, camera.frames().len() + 15);
    run.ask(&json!({"command": "stop-recording", "sensor": {"id": "0"}, "id": "gone"}));
    let done = run.receipt_of("done", "knock");
    let frames = check_file(Path::new(done["file"].as_str().unwrap()));
    assert_eq!(done["files"][0]["video"]["frames"], frames, "{done}");
    let (outcome, _) = run.interrupt();
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_eq!(outcome.lines_with("ticks by the nvidia::gxf::PeriodicSchedulingTerm").len(), 1, "{}", outcome.text());
    assert!(outcome.lines_with("without an").is_empty(), "{}", outcome.text());
}

/// Nothing to do.
const EMPTY: &str = "
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";

/// On the reference the first half, on a GXF before 4.0 the second: which of the two is not the extension's to choose.
#[test]
fn it_loads_or_is_refused_with_one_line() {
    let runtime = gxf::Runtime::load(None).unwrap_or_else(|error| panic!("{error}; run `make test`, which sets it up"));
    let version = runtime.version().unwrap();
    let too_old = version.split('.').next().unwrap().parse::<u32>().unwrap() < 4;
    let parts = built();
    for (extension, name) in [(&parts.extension, "NvDsSmartRecordExt"), (&parts.cloud_msg, "NvDsOpenCloudMsgExt")] {
        let folder = temp_dir().unwrap();
        let (code, lines) = run_text(folder.path(), EMPTY, &[extension.as_path()]);
        let refusals =
            lines.iter().filter(|line| line.contains(&format!("{name}: it does not run on GXF {version}: ")));
        assert_eq!((code, refusals.count()), if too_old { (Some(1), 1) } else { (Some(0), 0) }, "{lines:#?}");
    }
}
