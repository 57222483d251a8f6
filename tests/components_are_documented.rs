//! Promise: docs/components.md is what the built extensions say of themselves, to the letter.
//! Both forms for reading come from the real program, asking the real GXF runtime.
//! Left to others: whether the texts are good (texts_fit_the_tools.rs), the other commands.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::built;

fn describe(format: &str) -> String {
    let parts = built();
    let output = Command::new(&parts.smart_record)
        .current_dir(common::repository())
        .args(["describe", "--format", format])
        .args([&parts.extension, &parts.cloud_msg])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_document_is_up_to_date() {
    let kept = std::fs::read_to_string(common::repository().join("docs/components.md")).unwrap_or_default();
    let now = describe("markdown");
    let differing = kept.lines().zip(now.lines()).position(|(kept, now)| kept != now);
    assert!(kept == now, "docs/components.md is stale, from line {:?} on: run `make docs`", differing.map(|at| at + 1));
}

/// The same in JSON, for programs: here a program reads it.
#[test]
fn programs_read_the_same() {
    let all: serde_json::Value = serde_json::from_str(&describe("json")).unwrap();
    let names = |list: &serde_json::Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|each| each[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&all["extensions"], "name"), ["NvDsSmartRecordExt", "NvDsOpenCloudMsgExt"]);
    let recorder = &all["extensions"][0]["components"][0];
    assert_eq!(recorder["type_name"], "nvidia::deepstream::NvDsSmartRecord");
    assert_eq!(recorder["base_type"], "nvidia::gxf::Codelet");
    let cache =
        recorder["parameters"].as_array().unwrap().iter().find(|each| each["key"] == "smart-rec-cache").unwrap();
    assert_eq!((&cache["type"], &cache["default"]), (&"GXF_PARAMETER_TYPE_UINT32".into(), &30.into()));
    assert_eq!((&cache["min"], &cache["max"]), (&0.into(), &86_400.into()));
    let receiver = recorder["parameters"].as_array().unwrap().iter().find(|each| each["key"] == "msg-rx").unwrap();
    assert_eq!((&receiver["handle_type"], &receiver["optional"]), (&"nvidia::gxf::Receiver".into(), &true.into()));
}
