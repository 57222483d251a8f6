//! Promise: a tool that asks the runtime sees every component and parameter with type, default, flags, range and texts,
//! and finds nothing in the library but the one function that GXF asks for.
//! What the parameters do is left to the other tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::built;
use gxf::ParameterValue::{Bool, Text, Unsigned};
use gxf::{GraphContext, ParameterDescription, ParameterValue, Runtime, Tid};

/// Key, GXF type, default, range: design.md's table without what comes later.
type Row = (&'static str, &'static str, Expected, Option<(u64, u64)>);

enum Expected {
    Mandatory,
    Optional,
    Default(ParameterValue),
}

fn number(value: u64) -> Expected {
    Expected::Default(Unsigned(value))
}

fn text(value: &str) -> Expected {
    Expected::Default(Text(value.into()))
}

fn smart_record() -> Vec<Row> {
    const DAY: u64 = 86_400;
    const TIB: u64 = 1 << 40;
    let (uint, string) = ("GXF_PARAMETER_TYPE_UINT32", "GXF_PARAMETER_TYPE_STRING");
    let (handle, long) = ("GXF_PARAMETER_TYPE_HANDLE", "GXF_PARAMETER_TYPE_UINT64");
    vec![
        ("uri-list", string, Expected::Mandatory, None),
        ("sensor-id-list", string, text(""), None),
        ("sensor-list-file", "GXF_PARAMETER_TYPE_FILE", Expected::Optional, None),
        ("unknown-sensor", string, text("reject"), None),
        ("smart-record", uint, number(1), Some((0, 2))),
        ("smart-rec-cache", uint, number(30), Some((0, DAY))),
        ("smart-rec-container", uint, number(0), Some((0, 1))),
        ("smart-rec-mode", uint, number(0), Some((0, 2))),
        ("smart-rec-default-duration", uint, number(10), Some((0, DAY))),
        ("smart-rec-duration", uint, number(0), Some((0, DAY))),
        ("smart-rec-start-time", uint, number(0), Some((0, DAY))),
        ("smart-rec-interval", uint, number(10), Some((0, DAY))),
        ("smart-rec-file-prefix", string, text("Smart_Record"), None),
        ("smart-rec-dir-path", string, text("."), None),
        ("smart-rec-max-sessions", uint, number(16), Some((1, 1_000))),
        ("smart-rec-overlap", string, text("separate"), None),
        ("smart-rec-max-duration", uint, number(0), Some((0, DAY))),
        ("smart-rec-cache-bytes", long, number(0), Some((0, TIB))),
        ("smart-rec-total-cache-bytes", long, number(0), Some((0, TIB))),
        ("smart-rec-max-pending-bytes", long, number(256 << 20), Some((1 << 20, TIB))),
        ("smart-rec-trim", "GXF_PARAMETER_TYPE_BOOL", Expected::Default(Bool(false)), None),
        ("smart-rec-sidecar", "GXF_PARAMETER_TYPE_BOOL", Expected::Default(Bool(true)), None),
        ("recordbin-lib", "GXF_PARAMETER_TYPE_FILE", Expected::Optional, None),
        ("rtsp-reconnect-interval", uint, number(10), Some((0, DAY))),
        ("latency", uint, number(100), Some((0, 60_000))),
        ("select-rtp-protocol", uint, number(0), Some((0, 4))),
        ("msg-rx", handle, Expected::Optional, None),
        ("done-tx", handle, Expected::Optional, None),
    ]
}

fn check(graph: &GraphContext, tid: Tid, row: &Row) {
    let (key, type_name, expected, range) = row;
    let ParameterDescription { headline, description, optional, dynamic, handle, default, min, max, .. } =
        graph.parameter_info(tid, key).unwrap();
    assert_eq!(graph.parameter_info(tid, key).unwrap().type_name, *type_name, "{key}");
    // Composer shows the headline beside a field and the description as help.
    assert!((3..=40).contains(&headline.len()), "{key}: headline '{headline}'");
    assert!(description.len() >= 20 && !description.contains("  "), "{key}: description '{description}'");
    assert!(!dynamic, "{key}");
    match expected {
        Expected::Mandatory => assert!(!optional && default.is_none(), "{key}"),
        Expected::Optional => assert!(optional && default.is_none(), "{key}"),
        Expected::Default(value) => assert_eq!(default.as_ref(), Some(value), "{key}"),
    }
    let found = min.zip(max);
    assert_eq!(found, range.map(|(min, max)| (Unsigned(min), Unsigned(max))), "{key}");
    let wanted = match *key {
        "msg-rx" | "rx" => Some("nvidia::gxf::Receiver"),
        "done-tx" | "tx" => Some("nvidia::gxf::Transmitter"),
        _ => None,
    };
    assert_eq!(handle, wanted.map(|name| graph.type_id(name).unwrap()), "{key}");
}

#[test]
fn every_component_and_parameter() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}; run `make test`, which sets it up"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let parts = built();
    let none: &[&str] = &[];
    graph.load_extensions(&[&parts.gxf_std, &parts.extension], none, None).unwrap();

    // extension.yaml is the one source of these.
    let manifest = std::fs::read_to_string(common::repository().join("extension.yaml")).unwrap();
    let line = |key: &str| {
        let found = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        found.unwrap_or_else(|| panic!("extension.yaml has no {key}")).to_owned()
    };
    let extension = graph.extension_info(Tid::parse("e67b9aa1-b867-4f69-af1b-cf913a72c6bb")).unwrap();
    assert_eq!(extension.tid.to_string(), line("uuid"));
    assert_eq!(extension.name, line("name"));
    assert_eq!(extension.version, line("version"));
    assert_eq!(extension.license, line("license"));
    assert_eq!(extension.author, line("author"));
    assert_eq!(extension.display_name, line("display_name"));
    assert_eq!(extension.category, line("category"));
    assert_eq!(extension.brief, line("brief"));
    assert_eq!(extension.runtime_version, runtime.version().unwrap());

    let file = "GXF_PARAMETER_TYPE_FILE";
    let handle = "GXF_PARAMETER_TYPE_HANDLE";
    let ends = |key| vec![("path", file, Expected::Mandatory, None), (key, handle, Expected::Mandatory, None)];
    let components = [
        ("nvidia::deepstream::NvDsSmartRecord", "nvidia::gxf::Codelet", smart_record()),
        ("nvidia::deepstream::NvDsMsgFileReceiver", "nvidia::gxf::Codelet", ends("tx")),
        ("nvidia::deepstream::NvDsMsgFileTransmitter", "nvidia::gxf::Codelet", ends("rx")),
        ("nvidia::deepstream::NvDsMessage", "", Vec::new()),
    ];
    assert_eq!(extension.components.len(), components.len());
    for (type_name, base, rows) in components {
        let tid = graph.type_id(type_name).unwrap();
        let component = graph.component_info(tid).unwrap();
        assert_eq!((component.type_name.as_str(), component.base_name.as_str()), (type_name, base));
        assert!(!component.display_name.is_empty() && !component.brief.is_empty() && !component.is_abstract);
        assert!(component.description.len() > 40, "{type_name}: '{}'", component.description);
        let keys: Vec<_> = rows.iter().map(|(key, ..)| *key).collect();
        let mut listed = component.parameters.clone();
        listed.sort();
        let mut wanted = keys.clone();
        wanted.sort_unstable();
        assert_eq!(listed, wanted, "{type_name}");
        for row in &rows {
            check(&graph, tid, row);
        }
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(built().extension).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_library_exports_one_function() {
    let symbols = output("nm", &["-D", "--defined-only"]);
    let names: Vec<_> = symbols.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(names, ["GxfExtensionFactory"]);
}

/// registry.md, section 1: an extension that needs the core by name, or leaves its functions undefined, cannot be
/// registered.
#[test]
fn the_library_needs_no_gxf_library() {
    let needed = output("readelf", &["-d"]);
    assert!(!needed.contains("libgxf"), "{needed}");
    let undefined = output("nm", &["-D", "--undefined-only"]);
    let gxf: Vec<_> = undefined.lines().filter(|line| line.contains("Gxf") || line.contains("6nvidia")).collect();
    assert!(gxf.is_empty(), "{gxf:?}");
}
