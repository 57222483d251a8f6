//! Promise: a tool that asks the runtime sees every component and parameter of the messaging extension with type, default,
//! flags and texts, and finds nothing in the library but the one function that GXF asks for.
//! What the parameters do is left to the other tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::built;
use gxf::ParameterValue::{Bool, Text};
use gxf::{GraphContext, ParameterValue, Runtime, Tid};

const STRING: &str = "GXF_PARAMETER_TYPE_STRING";
const FILE: &str = "GXF_PARAMETER_TYPE_FILE";
const BOOL: &str = "GXF_PARAMETER_TYPE_BOOL";
const HANDLE: &str = "GXF_PARAMETER_TYPE_HANDLE";

/// Key, GXF type, default (`None`: none), optional.
type Row = (&'static str, &'static str, Option<ParameterValue>, bool);

/// Both ends of a broker: which one.
fn broker() -> Vec<Row> {
    let text = || Some(Text(String::new()));
    vec![
        ("conn-str", STRING, text(), false),
        ("proto-lib", FILE, text(), false),
        ("config-file", FILE, None, true),
        ("cfg-file", FILE, None, true),
        ("debug", BOOL, Some(Bool(false)), false),
    ]
}

fn with(mut rows: Vec<Row>, own: [Row; 2]) -> Vec<Row> {
    rows.extend(own);
    rows
}

fn check(graph: &GraphContext, tid: Tid, (key, type_name, default, optional): &Row) {
    let found = graph.parameter_info(tid, key).unwrap();
    assert_eq!((found.type_name, &found.default, found.optional), (*type_name, default, *optional), "{key}");
    // Composer shows the headline beside a field and the description as help.
    assert!((3..=40).contains(&found.headline.len()), "{key}: headline '{}'", found.headline);
    assert!(found.description.len() >= 20 && !found.description.contains("  "), "{key}: '{}'", found.description);
    let wanted = match *key {
        "rx" => Some("nvidia::gxf::Receiver"),
        "tx" => Some("nvidia::gxf::Transmitter"),
        _ => None,
    };
    assert_eq!(found.handle, wanted.map(|name| graph.type_id(name).unwrap()), "{key}");
}

#[test]
fn every_component_and_parameter() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}; run `make test`, which sets it up"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let parts = built();
    let none: &[&str] = &[];
    graph.load_extensions(&[&parts.gxf_std, &parts.cloud_msg], none, None).unwrap();

    // extension.yaml is the one source of these.
    let manifest = std::fs::read_to_string(common::repository().join("crates/cloud-msg/extension.yaml")).unwrap();
    let line = |key: &str| {
        let found = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        found.unwrap_or_else(|| panic!("extension.yaml has no {key}")).to_owned()
    };
    let extension = graph.extension_info(Tid::parse("a33423e8-c22e-4017-870f-bfd014aafc84")).unwrap();
    assert_eq!(extension.tid.to_string(), line("uuid"));
    assert_eq!(extension.name, line("name"));
    assert_eq!(extension.version, line("version"));
    assert_eq!(extension.license, line("license"));
    assert_eq!(extension.author, line("author"));
    assert_eq!(extension.display_name, line("display_name"));
    assert_eq!(extension.category, line("category"));
    assert_eq!(extension.brief, line("brief"));
    assert_eq!(extension.runtime_version, runtime.version().unwrap());

    let empty = || Some(Text(String::new()));
    let receiver = [("topics", STRING, empty(), false), ("tx", HANDLE, None, false)];
    let transmitter = [("topic", STRING, empty(), false), ("rx", HANDLE, None, false)];
    let components = [
        ("NvDsMsgBrokerC2DReceiver", "nvidia::gxf::Codelet", Some(with(broker(), receiver))),
        ("NvDsMsgBrokerD2CTransmitter", "nvidia::gxf::Codelet", Some(with(broker(), transmitter))),
        ("NvDsMessage", "", Some(Vec::new())),
        // With the parameters of what they stand for.
        ("NvDsMsgRelayTransmitter", "nvidia::gxf::DoubleBufferTransmitter", None),
        ("NvDsMsgRelayReceiver", "nvidia::gxf::DoubleBufferReceiver", None),
        ("NvDsMsgRelay", "nvidia::gxf::Connection", None),
    ];
    assert_eq!(extension.components.len(), components.len());
    for (name, base, rows) in components {
        let tid = graph.type_id(&format!("nvidia::deepstream::{name}")).unwrap();
        assert!(extension.components.contains(&tid), "{name}");
        let component = graph.component_info(tid).unwrap();
        assert_eq!(component.base_name, base, "{name}");
        assert!(!component.display_name.is_empty() && !component.brief.is_empty() && !component.is_abstract);
        assert!(component.description.len() > 40, "{name}: '{}'", component.description);
        let mut wanted: Vec<_> = match &rows {
            Some(rows) => rows.iter().map(|(key, ..)| (*key).to_owned()).collect(),
            None => graph.component_info(graph.type_id(base).unwrap()).unwrap().parameters,
        };
        let mut listed = component.parameters.clone();
        listed.sort();
        wanted.sort();
        assert_eq!(listed, wanted, "{name}");
        rows.unwrap_or_default().iter().for_each(|row| check(&graph, tid, row));
    }
    let relay = graph.component_info(graph.type_id("nvidia::deepstream::NvDsMsgRelay").unwrap()).unwrap();
    assert!(["source", "target"].iter().all(|key| relay.parameters.iter().any(|other| other == key)), "{relay:?}");
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(built().cloud_msg).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Above all not librdkafka's: a protocol adaptor must not meet our copy.
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
    assert!(!needed.contains("libgxf") && !needed.contains("rdkafka"), "{needed}");
    let undefined = output("nm", &["-D", "--undefined-only"]);
    let foreign = |line: &&str| ["Gxf", "6nvidia", "rd_kafka"].iter().any(|name| line.contains(name));
    let found: Vec<_> = undefined.lines().filter(foreign).collect();
    assert!(found.is_empty(), "{found:?}");
}
