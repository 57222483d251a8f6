//! Tests of `sensors`: lists, DeepStream's sensor files, look-ups.
//! Rows of facts/smart-record-behaviour.md, section 4; where we differ, the case says so.
//! Every refusal's text is checked for place and remedy.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn list(text: &str, sources: usize) -> Sensors {
    Sensors::new(text, None, sources).unwrap()
}

fn list_error(text: &str, sources: usize) -> String {
    Sensors::new(text, None, sources).unwrap_err().to_string()
}

struct ListFile {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn file(text: impl AsRef<[u8]>) -> ListFile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sensors.txt");
    std::fs::write(&path, text).unwrap();
    ListFile { _dir: dir, path }
}

fn file_error(text: &str, sources: usize) -> String {
    let file = file(text);
    let error = Sensors::new("", Some(&file.path), sources).unwrap_err().to_string();
    assert!(error.contains(&file.path.display().to_string()), "{error}");
    error
}

#[test]
fn without_a_list_indexes_count() {
    let sensors = list(" ", 3);
    assert_eq!((sensors.sources(), sensors.name(2), sensors.name(3)), (3, "2", ""));
    assert_eq!(sensors.lookup("0").unwrap(), 0);
    assert_eq!(sensors.lookup(" 2 ").unwrap(), 2);
    assert_eq!(sensors.lookup("002").unwrap(), 2);
    // NVIDIA's atoi reads these as source 0 or as an unchecked index.
    for id in ["3", "cam", "", "-1", "+1", "1.0", "0x1", "99999999999999999999999", "１"] {
        let error = sensors.lookup(id).unwrap_err().to_string();
        assert!(error.contains(r#"known: "0", "1", "2""#), "{error}");
    }
}

#[test]
fn names_come_before_indexes() {
    let sensors = list("door; yard ;gate", 3);
    assert_eq!(sensors.name(1), "yard");
    assert_eq!(sensors.lookup("yard").unwrap(), 1);
    assert_eq!(sensors.lookup("1").unwrap(), 1);
    assert!(sensors.lookup("Door").is_err(), "case counts");
    assert_eq!(list("a;b;", 2).name(1), "b");
}

#[test]
fn where_names_are_numbers_indexes_do_not_count() {
    let sensors = list("1;3", 2);
    assert_eq!((sensors.lookup("1").unwrap(), sensors.lookup("3").unwrap()), (0, 1));
    for id in ["0", "2", "01"] {
        assert!(sensors.lookup(id).unwrap_err().to_string().contains(r#"known: "1", "3""#), "{id}");
    }
    let sensors = list("door;yard;0", 3);
    assert_eq!(sensors.lookup("0").unwrap(), 2);
    assert!(sensors.lookup("1").is_err() && sensors.lookup("2").is_err());
    // A source without a name keeps its index, but for one that is another's name.
    let file = file("[sensor0]\nenable=1\nid=1\n");
    let sensors = Sensors::new("", Some(&file.path), 3).unwrap();
    assert_eq!((sensors.lookup("1").unwrap(), sensors.lookup("2").unwrap()), (0, 2));
    assert!(sensors.lookup("0").is_err());
}

#[test]
fn one_of_several_recorders_may_go_by_names_alone() {
    let file = file("[sensor0]\nenable=1\nid=door\n");
    let sensors = Sensors::new("", Some(&file.path), 2).unwrap();
    assert_eq!(sensors.lookup("0").unwrap(), 0);
    let sensors = sensors.names_alone();
    assert_eq!((sensors.lookup("door").unwrap(), sensors.lookup("1").unwrap()), (0, 1));
    assert!(sensors.lookup("0").is_err());
    assert_eq!(list("", 2).names_alone().lookup("0").unwrap(), 0);
}

#[test]
fn an_unknown_id_lists_ten_names_at_most() {
    let names: Vec<String> = (0..13).map(|n| format!("cam{n}")).collect();
    let error = list(&names.join(";"), 13).lookup("door").unwrap_err().to_string();
    assert!(error.contains("\"door\" is not known"), "{error}");
    assert!(error.contains("\"cam9\", and 3 more") && !error.contains("cam10"), "{error}");
    let error = list("", 0).lookup("0").unwrap_err().to_string();
    assert!(error.contains("there is no source"), "{error}");
}

#[test]
fn lists_that_are_refused() {
    for (text, sources, words) in [
        ("a;b", 3, &["2 names for 3 sources", "one name per source"][..]),
        ("a;b;;", 2, &["3 names for 2 sources"]),
        ("a;;c", 3, &["name 2", "1 to 256 bytes"]),
        ("a;b;a", 3, &["name 3", "\"a\" already names source 0"]),
        (&"x".repeat(257), 1, &["name 1", "1 to 256 bytes"]),
    ] {
        let error = list_error(text, sources);
        for word in words {
            assert!(error.contains(word), "{error:?} does not say {word:?}");
        }
    }
    let file = file("");
    let error = Sensors::new("a", Some(&file.path), 1).unwrap_err().to_string();
    assert!(error.contains("both set"), "{error}");
}

#[test]
fn a_file_as_deepstream_has_it() {
    let file = file(
        "# a comment\n[sensor0]\nenable=1\ntype=Camera\nid=CAMERA;7#x\nlocation=45.29;-75.83;48.15\n\
         [sensor1]\r\nenable=0\r\n\r\n[sensor3]\nid= yard  \nenable=true\n[place0]\nenable=1\n[Sensor9]\nx=1\n",
    );
    let sensors = Sensors::new("", Some(&file.path), 4).unwrap();
    assert_eq!(sensors.name(0), "CAMERA;7#x");
    assert_eq!(sensors.lookup("CAMERA;7#x").unwrap(), 0);
    assert_eq!(sensors.lookup("yard ").unwrap(), 3);
    assert_eq!(sensors.name(1), "1");
    assert_eq!(sensors.lookup("2").unwrap(), 2);
    assert!(sensors.lookup("4").is_err());
}

#[test]
fn files_that_are_refused() {
    for (text, words) in [
        ("[sensor0]\nid=a\n", &["line 1", "[sensor0]", "enable is missing"][..]),
        ("\n[sensor0]\nenable=yes\nid=a\n", &["line 2", "\"yes\"", "0 or 1"]),
        ("[sensor0]\nenable=1\n", &["[sensor0]", "id is missing"]),
        ("[sensor0]\nenable=1\nid=\n", &["[sensor0] id", "1 to 256 bytes"]),
        (
            "[sensor0]\nenable=1\nid=a\n[sensor1]\nenable=1\nid=a\n",
            &["line 4", "[sensor1] id", "already names source 0"],
        ),
        ("[sensor0]\nenable=1\nid=a\n[sensor00]\nenable=1\nid=b\n", &["is source 0 like"]),
        ("[sensor2]\nenable=1\nid=a\n", &["source index 2 is out of range", "0 to 1"]),
        ("[sensors]\nenable=1\nid=a\n", &["line 1", "not a sensor number"]),
        ("[sensor0\nenable=1\n", &["line 1", "bracket"]),
        // Found by fuzzing: a group's name went to the terminal as it was.
        ("[sensor0\u{1b}[31m]\nx=1\n", &[r"[sensor0\u{1b}[31m]: enable is missing"]),
        (&format!("[sensor{}]\nx=1\n", "0".repeat(999)), &["000...]: enable is missing"]),
    ] {
        let error = file_error(text, 2);
        for word in words {
            assert!(error.contains(word), "{error:?} does not say {word:?}");
        }
    }
}

#[test]
fn files_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let unreadable = |path: &Path| match Sensors::new("", Some(path), 1) {
        Err(error @ Error::SensorFileUnreadable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(unreadable(&dir.path().join("none")).contains("No such file"));
    assert!(unreadable(dir.path()).contains("not a regular file"));
    assert!(unreadable(&file(b"[sensor0]\n\xff").path).contains("UTF-8"));
    assert!(unreadable(&file("#".repeat(1 << 20) + "#").path).contains("too large"));
}

proptest! {
    #[test]
    fn any_list_and_id_are_answered(text in ".{0,40}", sources in 0_usize..5, id in ".{0,20}") {
        if let Ok(sensors) = Sensors::new(&text, None, sources) {
            if let Ok(index) = sensors.lookup(&id) {
                prop_assert!(index < sources);
            }
            for index in 0..sources {
                prop_assert!(sensors.lookup(sensors.name(index)).is_ok());
            }
        }
    }

    #[test]
    fn any_file_is_answered(text in "(\\[?sensor[0-9]{0,2}\\]?\n|enable=[01]\n|id=[a-c]\n|.{0,9}\n){0,12}") {
        let file = file(text);
        if let Ok(sensors) = Sensors::new("", Some(&file.path), 3) {
            prop_assert_eq!(sensors.sources(), 3);
        }
    }
}
