//! Promise: tools see the whole extension: every component, every parameter with type, default, range and texts.
//! Asked in the real GXF runtime through `gxf::Runtime`, and of the library's own symbol tables.
//! Left to others: that parameters do what they say.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::built;
use gxf::{GraphContext, ParameterValue, Tid};

const CODELET: &str = "nvidia::gxf::Codelet";

/// A parameter as design.md's table has it.
struct Row {
    key: &'static str,
    type_name: &'static str,
    default: Option<ParameterValue>,
    range: Option<(u64, u64)>,
    optional: bool,
    handle: Option<&'static str>,
}

fn number(key: &'static str, default: u64, min: u64, max: u64) -> Row {
    let default = Some(ParameterValue::Unsigned(default));
    Row { key, type_name: "UINT32", default, range: Some((min, max)), optional: false, handle: None }
}

fn text(key: &'static str, default: Option<&str>) -> Row {
    let default = default.map(|text| ParameterValue::Text(text.into()));
    Row { key, type_name: "STRING", default, range: None, optional: false, handle: None }
}

fn handle(key: &'static str, to: &'static str, optional: bool) -> Row {
    Row { key, type_name: "HANDLE", default: None, range: None, optional, handle: Some(to) }
}

fn file(key: &'static str, optional: bool) -> Row {
    Row { key, type_name: "FILE", default: None, range: None, optional, handle: None }
}

/// Those of design.md's table that issue 2 does not leave for later.
fn smart_record() -> Vec<Row> {
    const DAY: u64 = 86_400;
    let sidecar = Some(ParameterValue::Bool(true));
    vec![
        text("uri-list", None),
        text("sensor-id-list", Some("")),
        file("sensor-list-file", true),
        number("smart-record", 1, 0, 2),
        number("smart-rec-cache", 30, 1, DAY),
        number("smart-rec-container", 0, 0, 1),
        number("smart-rec-mode", 0, 0, 2),
        number("smart-rec-default-duration", 10, 1, DAY),
        number("smart-rec-duration", 0, 0, DAY),
        number("smart-rec-start-time", 0, 0, DAY),
        number("smart-rec-interval", 10, 1, DAY),
        text("smart-rec-file-prefix", Some("Smart_Record")),
        text("smart-rec-dir-path", Some(".")),
        number("smart-rec-max-sessions", 16, 1, 1000),
        text("smart-rec-overlap", Some("separate")),
        Row {
            key: "smart-rec-sidecar",
            type_name: "BOOL",
            default: sidecar,
            range: None,
            optional: false,
            handle: None,
        },
        number("latency", 100, 0, 60_000),
        number("select-rtp-protocol", 0, 0, 4),
        handle("msg-rx", "nvidia::gxf::Receiver", true),
        handle("done-tx", "nvidia::gxf::Transmitter", true),
    ]
}

fn loaded() -> GraphContext {
    let parts = built();
    let runtime = gxf::Runtime::load(None).unwrap();
    let graph = runtime.context().unwrap();
    graph.load_extensions(&[parts.gxf_std, parts.extension], &[] as &[&Path], None).unwrap();
    graph
}

/// Checks one component type: its texts, and that it has exactly these parameters.
fn check_component(graph: &GraphContext, type_name: &str, base: &str, rows: &[Row]) {
    let tid = graph.type_id(type_name).unwrap();
    let component = graph.component_info(tid).unwrap();
    assert_eq!((component.type_name.as_str(), component.base_name.as_str()), (type_name, base));
    assert!(!component.is_abstract);
    for text in [&component.display_name, &component.brief, &component.description] {
        assert!(!text.is_empty(), "{type_name}: {component:?}");
    }
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    assert_eq!(component.parameters, keys, "{type_name}");
    for row in rows {
        let found = graph.parameter_info(tid, row.key).unwrap();
        let at = format!("{type_name}/{}: {found:?}", row.key);
        assert_eq!(found.key, row.key, "{at}");
        assert_eq!(found.type_name, format!("GXF_PARAMETER_TYPE_{}", row.type_name), "{at}");
        assert_eq!(found.default, row.default, "{at}");
        let range = row.range.map(|(min, max)| (ParameterValue::Unsigned(min), ParameterValue::Unsigned(max)));
        assert_eq!(found.min.clone().zip(found.max.clone()), range, "{at}");
        assert_eq!((found.optional, found.dynamic), (row.optional, false), "{at}");
        assert_eq!(found.handle, row.handle.map(|to| graph.type_id(to).unwrap()), "{at}");
        assert!(!found.headline.is_empty() && found.description.len() > found.headline.len(), "{at}");
    }
}

#[test]
fn every_component_and_parameter() {
    let graph = loaded();
    check_component(&graph, "nvidia::deepstream::NvDsSmartRecord", CODELET, &smart_record());
    let receiver = [file("path", false), handle("tx", "nvidia::gxf::Transmitter", false)];
    check_component(&graph, "nvidia::deepstream::NvDsMsgFileReceiver", CODELET, &receiver);
    let transmitter = [file("path", false), handle("rx", "nvidia::gxf::Receiver", false)];
    check_component(&graph, "nvidia::deepstream::NvDsMsgFileTransmitter", CODELET, &transmitter);
    check_component(&graph, "nvidia::deepstream::NvDsMessage", "", &[]);
}

/// A text of extension.yaml.
fn manifest(key: &str) -> String {
    let text = std::fs::read_to_string(common::repository().join("extension.yaml")).unwrap();
    let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    yaml[key].as_str().unwrap().trim().to_owned()
}

#[test]
fn the_extension_itself() {
    let graph = loaded();
    let info = graph.extension_info(Tid::parse(&manifest("uuid"))).unwrap();
    assert_eq!(info.name, manifest("name"));
    assert_eq!(info.version, manifest("version"));
    for text in [&info.display_name, &info.category, &info.brief, &info.description, &info.author, &info.license] {
        assert!(!text.is_empty(), "{info:?}");
    }
    let runtime = gxf::Runtime::load(None).unwrap().version().unwrap();
    assert_eq!(info.runtime_version, runtime, "it reports the version of whoever loads it");
    let names: Vec<_> = info.components.iter().map(|tid| graph.component_info(*tid).unwrap().type_name).collect();
    let mut sorted = names.clone();
    sorted.sort();
    let ours = ["NvDsMessage", "NvDsMsgFileReceiver", "NvDsMsgFileTransmitter", "NvDsSmartRecord"];
    assert_eq!(sorted, ours.map(|name| format!("nvidia::deepstream::{name}")), "nothing but these");
}

fn output(tool: &str, arguments: &[&str], library: &Path) -> String {
    let output = Command::new(tool).args(arguments).arg(library).output();
    let output = output.unwrap_or_else(|error| panic!("{tool} cannot be run: {error}; it comes with binutils"));
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_symbol_is_exported_and_no_gxf_library_is_needed() {
    let library = built().extension;
    let symbols = output("nm", &["-D", "--defined-only"], &library);
    let names: Vec<_> = symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(names, ["GxfExtensionFactory"]);
    let needed = output("readelf", &["-d", "--wide"], &library);
    let needed: Vec<_> = needed.lines().filter(|line| line.contains("(NEEDED)")).collect();
    assert!(needed.iter().any(|line| line.contains("libgstreamer-1.0")), "the list is read: {needed:?}");
    assert!(!needed.iter().any(|line| line.contains("libgxf")), "{needed:?}");
}
