//! Promise: what `smart-record import` makes of a DeepStream configuration runs as it is, and its triggers record.
//! The real GXF runtime, an RTSP camera, Tansu or mosquitto; each recording is decoded, frame by frame.
//! Left to others: what becomes of each key (unit tests), and what the command says (import.rs).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::PathBuf, process::Command};

use common::{
    brokers::Broker,
    built::{BINARY, GXF, manifest},
    folder::{Folder, says},
};
use testbed::{HANG_GUARD, Program, RtspCamera, Scene, decode};

fn camera() -> RtspCamera {
    RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap()
}

/// Group of an RTSP source that messages record.
fn source(number: u32, camera: &RtspCamera, keys: &str) -> String {
    format!("[source{number}]\nenable=1\ntype=4 #RTSP\nuri={}\nsmart-record=1\n{keys}", camera.url())
}

/// Group of an enabled consumer, as NVIDIA's sample names the adaptor.
fn consumer(number: u32, broker: &Broker, topic: &str, keys: &str) -> String {
    let (lib, conn_str) = (broker.adaptor(), broker.conn_str());
    format!(
        "[message-consumer{number}]\nenable=1\nproto-lib=/opt/nvidia/deepstream/deepstream/lib/{lib}\n\
         conn-str={conn_str}\nsubscribe-topic-list={topic}\n{keys}"
    )
}

/// The graph in the folder, running.
struct Graph(Program);

impl Graph {
    /// `name`: of the graph, without `.yaml`. Ready when all of these consumers are.
    fn start(folder: &Folder, name: &str, consumers: &[&str]) -> Self {
        folder.write("manifest.yaml", &manifest());
        let mut command = Command::new(BINARY);
        command.arg("gxe").arg(format!("-app={name}.yaml,{name}.parameters.yaml")).arg("-manifest=manifest.yaml");
        command.current_dir(folder.path("")).env("GXF_ROOT", &*GXF).env_remove("GXF_LOG_LEVEL");
        let mut graph = Program::start(&mut command).unwrap();
        let mut waited: Vec<_> =
            consumers.iter().map(|name| format!("{name}/receiver: connected to the broker")).collect();
        while !waited.is_empty() {
            let line = graph
                .wait_for_line("the brokers", HANG_GUARD, |line| {
                    waited.iter().any(|connected| line.contains(connected))
                })
                .unwrap();
            waited.retain(|connected| !line.contains(connected));
        }
        Self(graph)
    }

    /// Records `sensor` for a moment, as soon as that can be done.
    fn record(&mut self, camera: &RtspCamera, broker: &Broker, topic: &str, sensor: &str) {
        let to = broker.address(topic);
        let trigger = |action: &str, id: &str| {
            let output =
                Command::new(BINARY).args(["trigger", action, sensor, "--id", id, "--to", &to]).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        };
        for attempt in 0.. {
            let id = format!("{topic}/{sensor}/{attempt}.");
            trigger("start", &id);
            let answer = |line: &str| line.contains(&id) && (line.contains("accepted") || line.contains("rejected"));
            let line = self.0.wait_for_line(&id, HANG_GUARD, answer).unwrap();
            assert!(!line.contains("not known"), "{line}");
            if line.contains("accepted") {
                trigger("stop", &format!("stop-{id}"));
                if self.is_done(&id) {
                    return;
                }
            }
            // The camera has sent nothing yet.
            camera.wait_for_frame(camera.frames().len()).unwrap();
        }
    }

    /// Waits for the end of a recording.
    fn is_done(&mut self, id: &str) -> bool {
        let ended = |line: &str| line.contains(id) && (line.contains("done") || line.contains("failed"));
        self.0.wait_for_line(&format!("the end of {id}"), HANG_GUARD, ended).unwrap().contains("done")
    }

    /// Ends it in order; what it has said.
    fn end(mut self) -> Vec<String> {
        self.0.interrupt().unwrap();
        assert_eq!(self.0.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", self.0.seen());
        self.0.seen().to_vec()
    }
}

/// Names of the recordings in a folder; each is whole.
fn recordings(folder: PathBuf, ending: &str) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|found| found == ending)) {
        decode(&path).unwrap().video().unwrap().check_unbroken().unwrap();
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names
}

const TWO_SENSORS: &str = "[sensor0]\nenable=1\nid=door\n[sensor1]\nenable=1\nid=gate\n";

#[test]
fn several_recorders_get_the_messages_of_several_consumers() {
    let (broker, camera, folder) = (Broker::kafka(&["events", "more"]), camera(), Folder::new());
    for name in ["doors", "gates"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    folder.write("sensors.txt", TWO_SENSORS);
    let config = source(4, &camera, "smart-rec-dir-path=doors\nsmart-rec-file-prefix=Door\n")
        + &source(7, &camera, "smart-rec-dir-path=gates\nsmart-rec-file-prefix=Gate\nsmart-rec-container=1\n")
        + &source(9, &camera, "smart-rec-dir-path=gates\nsmart-rec-file-prefix=Gate\nsmart-rec-container=1\n")
        + &consumer(0, &broker, "events", "sensor-list-file=sensors.txt\n")
        + &consumer(1, &broker, "more", "sensor-list-file=sensors.txt\n");
    folder.write("test5.txt", &config);
    let output = folder.run(&["import", "test5.txt", "--builtin"]);
    says(&output, 0, &["2 recorders, ", "sources: 3, recorders: 2, message consumers: 2"], &[]);
    let mut graph = Graph::start(&folder, "test5", &["messages0", "messages1"]);
    // Not a name, and not a position without one: no recorder takes it for an index of its own.
    let number = ["trigger", "start", "0", "--id=by-number", "--to", &broker.address("events")];
    says(&folder.run(&number), 0, &[], &[]);
    // By name, and by position where there is no name; each consumer reaches each recorder.
    for (topic, sensor) in [("events", "door"), ("more", "door"), ("events", "gate"), ("more", "2")] {
        graph.record(&camera, &broker, topic, sensor);
    }
    // No recorder rejects what is the other's: each counts it, at the end.
    let said = graph.end();
    for recorder in ["recorder0", "recorder1"] {
        let counted = format!("{recorder}/smart_record: messages for sensors of other recorders, ignored, in all: ");
        assert!(said.iter().any(|line| line.contains(&counted)), "{said:#?}");
    }
    assert!(!said.iter().any(|line| line.contains("by-number")), "{said:#?}");

    let (doors, gates) = (recordings(folder.path("doors"), "mp4"), recordings(folder.path("gates"), "mkv"));
    // deepstream-app's name, with the camera's id; where a recorder has several sources, with their indexes.
    assert!(!doors.is_empty() && doors.iter().all(|name| name.starts_with("Door_4_")), "{doors:?}");
    for prefix in ["Gate_0_", "Gate_1_"] {
        assert!(gates.iter().any(|name| name.starts_with(prefix)), "{gates:?}");
    }
}

#[test]
fn rows_of_a_csv_are_recorded_through_mqtt() {
    let (broker, camera, folder) = (Broker::mqtt(), camera(), Folder::new());
    // In the YAML form a path is relative to where the program runs, but for those of the CSV and the sensor list.
    fs::create_dir(folder.path("recordings")).unwrap();
    folder.write("cfg/sensors.txt", TWO_SENSORS);
    let row = format!("1,4,{},1,recordings,Row,12,0", camera.url());
    let head = "enable,type,uri,smart-record,smart-rec-dir-path,smart-rec-file-prefix,smart-rec-cache,gpu-id";
    folder.write("cfg/sources.csv", &format!("# rows\n\n{head}\n{row}\n{row}\n"));
    folder.write("mqtt.txt", "[message-broker]\nclient-id=importer\n");
    folder.write(
        "cfg/test5.yml",
        &format!(
            "application:\n  enable-perf-measurement: 1\nsource:\n csv-file-path: sources.csv\nmessage-consumer0:\n  \
             enable: 1\n  proto-lib: /opt/nvidia/deepstream/deepstream/lib/{}\n  conn-str: {}\n  config-file: mqtt.txt\n  \
             subscribe-topic-list: site/events;site/more\n  sensor-list-file: sensors.txt\ntracker:\n  x: [1, 2]\n",
            broker.adaptor(),
            broker.conn_str()
        ),
    );
    // Its graph runs on each release.
    let output = folder.run(&["import", "cfg/test5.yml", "--builtin", "--for-gxf-4.0"]);
    says(&output, 0, &["sources: 2, recorders: 1, message consumers: 1"], &[]);
    assert!(!folder.read("test5.yaml").contains("OrSchedulingTermCombiner"));
    assert!(folder.read("test5.parameters.yaml").contains("sensor-list-file: "));
    let mut graph = Graph::start(&folder, "test5", &["messages"]);
    for (topic, sensor) in [("site/events", "door"), ("site/more", "gate"), ("site/more", "1")] {
        graph.record(&camera, &broker, topic, sensor);
    }
    graph.end();
    let names = recordings(folder.path("recordings"), "mp4");
    for prefix in ["Row_0_", "Row_1_"] {
        assert!(names.iter().any(|name| name.starts_with(prefix)), "{names:?}");
    }
}

#[test]
fn a_source_list_is_recorded_by_position_and_by_name() {
    let (broker, camera, folder) = (Broker::kafka(&["events"]), camera(), Folder::new());
    let url = camera.url();
    let list = format!(
        "[source-list]\nnum-source-bins=2\nlist={url};{url}\nsensor-id-list=UniqueSensorId1;UniqueSensorId2\n\
         [source-attr-all]\nenable=1\ntype=3\nnum-sources=1\nsmart-record=1\nsmart-rec-file-prefix=Bin\nlatency=100\n"
    );
    folder.write("test5.txt", &(list + &consumer(0, &broker, "events", "")));
    says(&folder.run(&["import", "test5.txt", "--builtin"]), 0, &["sources: 2, recorders: 1"], &[]);
    let mut graph = Graph::start(&folder, "test5", &["messages"]);
    for sensor in ["UniqueSensorId1", "1"] {
        graph.record(&camera, &broker, "events", sensor);
    }
    graph.end();
    let names = recordings(folder.path(""), "mp4");
    for prefix in ["Bin_0_", "Bin_1_"] {
        assert!(names.iter().any(|name| name.starts_with(prefix)), "{names:?}");
    }
}

#[test]
fn local_events_record_one_source_without_a_consumer() {
    let (camera, folder) = (camera(), Folder::new());
    let keys = "smart-rec-interval=2\nsmart-rec-duration=1\nsmart-rec-start-time=1\nsmart-rec-file-prefix=Local\n";
    folder.write("app.txt", &source(3, &camera, keys).replace("smart-record=1", "smart-record=2"));
    says(&folder.run(&["import", "app.txt"]), 0, &["sources: 1, recorders: 1, message consumers: 0"], &[]);
    let mut graph = Graph::start(&folder, "app", &[]);
    while !graph.is_done("local-event-") {}
    graph.end();
    let names = recordings(folder.path(""), "mp4");
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("Local_3_")), "{names:?}");
}
