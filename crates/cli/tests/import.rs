//! `smart-record import` as a user runs it: real files in, real files out, what it says, and its exit status.
//! Nothing here runs a graph.
//! Left to others: what becomes of each key (unit tests), and that the graphs record (imported_graphs_record.rs).
// The helpers below are tests as much as their callers: clippy exempts only functions marked as such.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use common::folder::{Folder, says};

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
    says(&folder.run(&["import", "cfg/test5.txt", "-o", "out"]), 1, &[], &["out/test5.yaml: it exists", "--force"]);
    assert!(folder.read("out/test5.parameters.yaml").contains("rtsp://camera/s"));
    says(&folder.run(&["import", "--force", "cfg/test5.txt", "-o", "out"]), 0, &[], &[]);
    assert!(folder.read("out/test5.parameters.yaml").contains("rtsp://other/s"));
}

#[test]
fn a_configuration_is_never_replaced_and_its_passwords_are_kept() {
    let folder = Folder::new();
    let config = folder.write("test5.yaml", "source:\n  csv-file-path: sources.csv\n");
    folder.write("sources.csv", "enable,type,uri,smart-record\n1,4,rtsp://user:secret@a/s,1\n");
    for arguments in [&["import", "test5.yaml"][..], &["import", "--force", "test5.yaml"]] {
        says(&folder.run(arguments), 1, &[], &["test5.yaml: it is the configuration itself", "-o"]);
    }
    assert!(folder.read("test5.yaml").starts_with("source:") && !folder.path("test5.parameters.yaml").exists());
    // Neither file is written where one would be replaced.
    fs::create_dir(folder.path("out")).unwrap();
    folder.write("out/test5.parameters.yaml", "mine");
    says(&folder.run(&["import", "test5.yaml", "-o", "out"]), 1, &[], &["out/test5.parameters.yaml: it exists"]);
    assert!(!folder.path("out/test5.yaml").exists());
    fs::remove_file(folder.path("out/test5.parameters.yaml")).unwrap();

    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    says(&folder.run(&["import", "test5.yaml", "-o", "out"]), 0, &[], &[]);
    let parameters = folder.path("out/test5.parameters.yaml");
    let mode = || fs::metadata(&parameters).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    // Nor are they shown to more people where the file was there before.
    fs::set_permissions(&parameters, fs::Permissions::from_mode(0o644)).unwrap();
    says(&folder.run(&["import", "--force", "test5.yaml", "-o", "out"]), 0, &[], &[]);
    assert_eq!(mode(), 0o600);
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
    fs::write(folder.path("latin1.txt"), b"[source0]\n# Stra\xdfe\n").unwrap();
    says(&folder.run(&["import", "latin1.txt"]), 1, &[], &["latin1.txt: cannot be read: line 2 is not UTF-8", "iconv"]);
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

#[test]
fn a_link_leads_to_the_folder_of_the_file() {
    let folder = Folder::new();
    folder.write(
        "cfg/real.txt",
        &format!(
            "{SOURCE}[message-consumer0]\nenable=1\nproto-lib=/lib/libnvds_kafka_proto.so\n\
        conn-str=host;9092\nsubscribe-topic-list=events\nsensor-list-file=sensors.txt\n"
        ),
    );
    folder.write("cfg/sensors.txt", "[sensor0]\nenable=1\nid=door\n");
    symlink(folder.path("cfg/real.txt"), folder.path("link.txt")).unwrap();
    says(&folder.run(&["import", "link.txt"]), 0, &["link.yaml and ./link.parameters.yaml"], &[]);
    let sensors = fs::canonicalize(folder.path("cfg/sensors.txt")).unwrap();
    assert!(folder.read("link.parameters.yaml").contains(&format!("sensor-list-file: {}\n", sensors.display())));
}
