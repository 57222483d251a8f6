//! `smart-record import` as a user runs it: real files in, a graph out, which the real GXF runtime loads and runs.
//! The message half is not touched: triggers go through a real broker that speaks Kafka's protocol.
//! Left to others: what becomes of each key (unit tests).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use common::{
    brokers::Broker,
    built::{BINARY, GXF, manifest},
};
use testbed::{HANG_GUARD, Program, RtspCamera, Scene, TempDir};

/// A folder with configurations and what comes out of them.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(testbed::temp_dir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the command in this folder.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(BINARY).args(arguments).current_dir(self.0.path()).output().unwrap()
    }
}

#[track_caller]
fn says(output: &Output, status: i32, out: &[&str], err: &[&str]) {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    assert_eq!(output.status.code(), Some(status), "{texts:#?}");
    for (text, words) in texts.iter().zip([out, err]) {
        for word in words {
            assert!(text.contains(word), "{text:?} does not say {word:?}");
        }
    }
}

const SOURCE: &str = "[source0]\nenable=1\ntype=4\nuri=rtsp://camera/s\nsmart-record=1\n";

#[test]
fn both_files_are_written_and_nothing_is_replaced() {
    let folder = Folder::new();
    folder.write("cfg/test5.txt", SOURCE);
    says(
        &folder.run(&["import", "cfg/test5.txt", "-o", "out"]),
        1,
        &[],
        &["cannot write out/test5.yaml", "a folder that exists"],
    );
    fs::create_dir(folder.path("out")).unwrap();
    let output = folder.run(&["import", "cfg/test5.txt", "-o", "out"]);
    says(&output, 0, &["out/test5.yaml and out/test5.parameters.yaml: sources: 1, recorders: 1"], &[]);
    assert!(folder.read("out/test5.parameters.yaml").contains("uri-list: rtsp://camera/s\n"));

    folder.write("cfg/test5.txt", &SOURCE.replace("camera", "other"));
    says(&folder.run(&["import", "cfg/test5.txt", "-o", "out"]), 1, &[], &["out/test5.yaml: File exists", "--force"]);
    assert!(folder.read("out/test5.parameters.yaml").contains("rtsp://camera/s"));
    says(&folder.run(&["import", "--force", "cfg/test5.txt", "-o", "out"]), 0, &[], &[]);
    assert!(folder.read("out/test5.parameters.yaml").contains("rtsp://other/s"));
}

#[test]
fn the_status_tells_what_was_not_taken_over() {
    let folder = Folder::new();
    folder.write("lossy.txt", &format!("{SOURCE}rtsp-reconnect-attempts=3\n"));
    says(&folder.run(&["import", "lossy.txt"]), 3, &["not taken over: [source0] rtsp-reconnect-attempts: "], &[]);
    folder.write("noted.txt", &format!("{SOURCE}[osd]\nenable=1\n"));
    says(&folder.run(&["import", "noted.txt"]), 0, &["note: groups of other parts of DeepStream: osd"], &[]);
    folder.write("empty.txt", "[source0]\nenable=0\n");
    let output = folder.run(&["import", "empty.txt"]);
    says(&output, 1, &["note: [source0]: it is disabled"], &["empty.txt: there is no source to record"]);
    folder.write("bad.txt", "[source0\n");
    says(&folder.run(&["import", "bad.txt"]), 1, &[], &["bad.txt: line 1: "]);
    folder.write("bad.yml", "source: [\n");
    says(&folder.run(&["import", "bad.yml"]), 1, &[], &["bad.yml: ", "line"]);
    says(&folder.run(&["import", "none.txt"]), 1, &[], &["none.txt: cannot be read: No such file"]);
    says(&folder.run(&["import", "."]), 1, &[], &["not a regular file"]);
    says(&folder.run(&["import"]), 2, &[], &["<CONFIG>"]);
    for name in ["empty.yaml", "bad.yaml", "bad.parameters.yaml"] {
        assert!(!folder.path(name).exists(), "{name}");
    }
}

#[test]
fn files_are_found_beside_the_configuration() {
    let folder = Folder::new();
    folder.write("cfg/sources.csv", "enable,type,uri,smart-record\n1,4,rtsp://a/s,1\n1,4,rtsp://b/s,1\n");
    folder.write("cfg/sensors.txt", "[sensor0]\nenable=1\nid=door\n[sensor1]\nenable=1\nid=gate\n");
    folder.write(
        "cfg/test5.yml",
        "source:\n  csv-file-path: sources.csv\nmessage-consumer0:\n  enable: 1\n  proto-lib: /lib/libnvds_kafka_proto.so\n  \
         conn-str: host;9092\n  subscribe-topic-list: events\n  sensor-list-file: sensors.txt\n",
    );
    says(
        &folder.run(&["import", "cfg/test5.yml", "--builtin"]),
        0,
        &["sources: 2, recorders: 1, message consumers: 1"],
        &[],
    );
    let parameters = folder.read("test5.parameters.yaml");
    let sensors = fs::canonicalize(folder.path("cfg/sensors.txt")).unwrap();
    for words in [
        "uri-list: rtsp://a/s;rtsp://b/s\n",
        "proto-lib: builtin:kafka\n",
        &format!("sensor-list-file: {}\n", sensors.display()),
    ] {
        assert!(parameters.contains(words), "{parameters}");
    }
}

/// Records `sensor` for a moment, as soon as that can be done.
fn record(program: &mut Program, camera: &RtspCamera, broker: &Broker, topic: &str, sensor: &str) {
    let to = broker.address(topic);
    let trigger = |action: &str, id: &str| {
        let output = Command::new(BINARY).args(["trigger", action, sensor, "--id", id, "--to", &to]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    for attempt in 0.. {
        let id = format!("{topic}/{sensor}/{attempt}.");
        trigger("start", &id);
        // The other recorder does not know the sensor.
        let ours = |line: &str| line.contains(&id) && !line.contains("not known");
        let answer = |line: &str| ours(line) && (line.contains("accepted") || line.contains("rejected"));
        let line = program.wait_for_line(&id, HANG_GUARD, answer).unwrap();
        if line.contains("accepted") {
            trigger("stop", &format!("stop-{id}"));
            let ended = |line: &str| line.contains(&id) && (line.contains("done") || line.contains("failed"));
            if program.wait_for_line(&format!("the end of {id}"), HANG_GUARD, ended).unwrap().contains("done") {
                return;
            }
        }
        camera.wait_for_frame(camera.frames().len()).unwrap();
    }
}

#[test]
fn the_graph_runs_and_messages_find_their_cameras() {
    let broker = Broker::kafka(&["events", "more"]);
    let camera = RtspCamera::start(&Scene::new().fps(15).gop(15).size(256, 96).without_text()).unwrap();
    let folder = Folder::new();
    let [doors, gates] = ["doors", "gates"].map(|name| {
        fs::create_dir(folder.path(name)).unwrap();
        folder.path(name).display().to_string()
    });
    let source = |number: u32, dir: &str, prefix: &str| {
        format!(
            "[source{number}]\nenable=1\ntype=4\nuri={}\nsmart-record=1\nsmart-rec-dir-path={dir}\n\
             smart-rec-file-prefix={prefix}\n",
            camera.url()
        )
    };
    let consumer = |number: u32, topic: &str, keys: &str| {
        format!(
            "[message-consumer{number}]\nenable=1\nproto-lib=/lib/libnvds_kafka_proto.so\nconn-str={}\n\
             subscribe-topic-list={topic}\n{keys}",
            broker.conn_str()
        )
    };
    folder.write("sensors.txt", "[sensor0]\nenable=1\nid=door\n[sensor1]\nenable=1\nid=gate\n");
    let config = source(4, &doors, "Door")
        + &source(7, &gates, "Gate")
        + &source(9, &gates, "Gate")
        + &consumer(0, "events", "sensor-list-file=sensors.txt\n")
        + &consumer(1, "more", "");
    folder.write("test5.txt", &config);
    let output = folder.run(&["import", "test5.txt", "--builtin"]);
    says(&output, 0, &["2 recorders, ", "sources: 3, recorders: 2, message consumers: 2"], &[]);
    folder.write("manifest.yaml", &manifest());
    let mut command = Command::new(BINARY);
    command.args(["gxe", "-app=test5.yaml,test5.parameters.yaml", "-manifest=manifest.yaml"]);
    command.current_dir(folder.0.path()).env("GXF_ROOT", &*GXF).env_remove("GXF_LOG_LEVEL");
    let mut program = Program::start(&mut command).unwrap();
    for consumer in ["messages0", "messages1"] {
        let connected = format!("{consumer}/receiver: connected to the broker");
        program.wait_for_line(&connected, HANG_GUARD, |line| line.contains(&connected)).unwrap();
    }
    // By name, and by position where there is no name; each consumer reaches each recorder.
    for (topic, sensor) in [("events", "door"), ("more", "door"), ("events", "gate"), ("more", "2")] {
        record(&mut program, &camera, &broker, topic, sensor);
    }
    program.interrupt().unwrap();
    assert_eq!(program.wait(HANG_GUARD).unwrap().code(), Some(0), "{:#?}", program.seen());

    let names = |dir: &str| -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".mp4")).collect()
    };
    let (doors, gates) = (names(&doors), names(&gates));
    // deepstream-app's name, with the camera's id; where a recorder has several sources, with their indexes.
    assert!(!doors.is_empty() && doors.iter().all(|name| name.starts_with("Door_4_")), "{doors:?}");
    for prefix in ["Gate_0_", "Gate_1_"] {
        assert!(gates.iter().any(|name| name.starts_with(prefix)), "{gates:?}");
    }
}
