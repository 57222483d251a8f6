//! What is in the files of a new crate, without building it.
//! A build and a run are in tests/new_extension.rs.

use super::*;

fn values_of(name: &str) -> Vec<(&'static str, String)> {
    values(&Names::of(name).unwrap(), "Somebody", "gxf = \"0.1\"", &None)
}

#[test]
fn every_place_is_filled() {
    let values = values_of("door-watch");
    for (path, template) in TEMPLATES {
        let text = fill(template, &values);
        assert!(!text.contains("{{"), "{path}: {text}");
    }
    for (key, _) in values {
        assert!(TEMPLATES.iter().any(|(_, text)| text.contains(&format!("{{{{{key}}}}}"))), "nobody uses {key}");
    }
}

#[test]
fn every_id_is_fresh() {
    let all = [values_of("door"), values_of("door")].concat();
    let mut ids: Vec<&String> = all.iter().filter(|(key, _)| key.starts_with("uuid_")).map(|(_, id)| id).collect();
    assert!(ids.iter().all(|id| gxf::Tid::try_parse(id).is_some()));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((count, ids.len()), (10, 10));
}

/// Source of the keys: facts about the registry tool (section 2): all of these are needed.
#[test]
fn the_manifest_is_one_that_the_registry_takes() {
    let (_, template) = TEMPLATES.iter().find(|(path, _)| *path == "extension.yaml").unwrap();
    let text = fill(template, &values_of("door-watch"));
    let manifest: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(manifest["name"], "DoorWatchExt");
    assert_eq!(manifest["extension_library"], "target/release/libgxf_door_watch.so");
    assert_eq!(manifest["version"], "0.1.0");
    assert_eq!(manifest["license_file"], "LICENSE");
    assert_eq!(manifest["priority"], 1);
    for key in ["arch", "os", "distribution"] {
        assert!(manifest["platform"][key].is_string(), "{key}");
    }
    let mut compute: Vec<&str> =
        manifest["compute"].as_mapping().unwrap().keys().map(|key| key.as_str().unwrap()).collect();
    compute.sort_unstable();
    assert_eq!(compute, ["cuda", "cudnn", "deepstream", "tensorrt", "triton", "vpi"]);
    let standard = &manifest["dependencies"][0];
    assert_eq!(standard["uuid"], "8ec2d5d6-b5df-48bf-8dee-0252606fdd7e");
    assert!(standard["version"].is_string());
    assert!(gxf::Tid::try_parse(manifest["uuid"].as_str().unwrap()).is_some());
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert!(make_folder(&dir.path().join("a/b")).is_ok());
    assert!(make_folder(&dir.path().join("a/b")).is_ok(), "empty");
    let used = make_folder(&dir.path().join("a")).unwrap_err().to_string();
    assert!(used.contains("nothing is overwritten"), "{used}");
    let file = dir.path().join("file");
    write_new(&file, "mine").unwrap();
    assert!(make_folder(&file).is_err());
    assert!(write_new(&file, "other").is_err());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}
