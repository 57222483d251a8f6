//! What the runtime says about an extension of ours: exactly what its table and its parameters say.
//!
//! One test, in the process itself: a GXF runtime can be asked directly only by who loaded it.

mod common;
use common::examples;
use gxf::ParameterValue::{Bool, Float, Signed, Text, Unsigned};
use gxf::{GraphContext, ParameterDescription, Runtime, Tid};

/// Source: `nvidia::gxf::Receiver` and so on, asked of the runtime itself.
fn handle(graph: &GraphContext, name: &str) -> Option<Tid> {
    Some(graph.type_id(name).expect("the standard extension has it"))
}

fn parameter(key: &str, headline: &str, description: &str, type_name: &'static str) -> ParameterDescription {
    ParameterDescription {
        key: key.to_owned(),
        headline: headline.to_owned(),
        description: description.to_owned(),
        type_name,
        optional: false,
        dynamic: false,
        handle: None,
        default: None,
        has_default: false,
        min: None,
        max: None,
        step: None,
        rank: 0,
        shape: Vec::new(),
    }
}

#[test]
fn the_runtime_describes_what_the_extension_declares() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let libraries = [runtime.library("libgxf_std.so").unwrap(), examples().join("libgxf_probe.so")];
    let none: &[&str] = &[];
    graph.load_extensions(&libraries, none, None).unwrap();

    let extension = graph.extension_info(Tid::parse("efac12a2-31ed-40d9-927b-77f55314418f")).unwrap();
    assert_eq!(extension.name, "GxfProbe");
    assert_eq!(extension.display_name, "Probe");
    assert_eq!(extension.category, "Tests");
    assert_eq!(extension.brief, "What the integration tests run");
    assert_eq!(extension.description, "Codelets that log what the runtime does to them");
    assert_eq!(extension.author, "The NvDsSmartRecord founders");
    assert_eq!(extension.version, "1.2.3");
    assert_eq!(extension.license, "Apache-2.0");
    assert_eq!(extension.runtime_version, runtime.version().unwrap());
    assert_eq!(extension.components.len(), 5);

    let tid = graph.type_id("probe::Parameters").unwrap();
    assert_eq!(tid.to_string(), "7bf981dd-9c23-417c-b268-cf30253d0db7");
    let component = graph.component_info(tid).unwrap();
    assert_eq!(component.type_name, "probe::Parameters");
    assert_eq!(component.base_name, "nvidia::gxf::Codelet");
    assert_eq!(component.display_name, "Parameters");
    assert_eq!(component.brief, "Logs its parameters");
    assert_eq!(component.description, "Has a parameter of every type and logs their values");
    assert!(!component.is_abstract);
    let keys = ["u64", "i64", "u32", "i32", "f64", "bool", "text", "file", "rx", "tx", "clock", "unset", "unset-text"];
    assert_eq!(component.parameters, keys);

    let p = parameter;
    let expected = [
        ParameterDescription {
            has_default: true,
            default: Some(Unsigned(u64::MAX)),
            min: Some(Unsigned(1)),
            max: Some(Unsigned(u64::MAX)),
            step: Some(Unsigned(2)),
            ..p("u64", "A u64", "Of 64 bits", "GXF_PARAMETER_TYPE_UINT64")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Signed(i64::MIN)),
            ..p("i64", "An i64", "Of 64 bits, signed", "GXF_PARAMETER_TYPE_INT64")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Unsigned(30)),
            min: Some(Unsigned(1)),
            max: Some(Unsigned(3600)),
            dynamic: true,
            ..p("u32", "A u32", "Of 32 bits", "GXF_PARAMETER_TYPE_UINT32")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Signed(-7)),
            min: Some(Signed(-10)),
            max: Some(Signed(10)),
            ..p("i32", "An i32", "Of 32 bits, signed", "GXF_PARAMETER_TYPE_INT32")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Float(0.5)),
            min: Some(Float(0.0)),
            max: Some(Float(1.0)),
            ..p("f64", "An f64", "A ratio", "GXF_PARAMETER_TYPE_FLOAT64")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Bool(true)),
            ..p("bool", "A bool", "A switch", "GXF_PARAMETER_TYPE_BOOL")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Text("a default".to_owned())),
            ..p("text", "A text", "Any text", "GXF_PARAMETER_TYPE_STRING")
        },
        ParameterDescription {
            has_default: true,
            default: Some(Text("/a/default".to_owned())),
            ..p("file", "A file", "Any path", "GXF_PARAMETER_TYPE_FILE")
        },
        ParameterDescription {
            optional: true,
            handle: handle(&graph, "nvidia::gxf::Receiver"),
            ..p("rx", "A receiver", "Any", "GXF_PARAMETER_TYPE_HANDLE")
        },
        ParameterDescription {
            optional: true,
            handle: handle(&graph, "nvidia::gxf::Transmitter"),
            ..p("tx", "A transmitter", "Any", "GXF_PARAMETER_TYPE_HANDLE")
        },
        ParameterDescription {
            optional: true,
            handle: handle(&graph, "nvidia::gxf::Clock"),
            ..p("clock", "A clock", "Any", "GXF_PARAMETER_TYPE_HANDLE")
        },
        ParameterDescription {
            optional: true,
            ..p("unset", "Unset", "Has no value unless a graph gives one", "GXF_PARAMETER_TYPE_INT64")
        },
        ParameterDescription {
            optional: true,
            dynamic: true,
            ..p("unset-text", "Unset text", "The same", "GXF_PARAMETER_TYPE_STRING")
        },
    ];
    for expected in expected {
        assert_eq!(graph.parameter_info(tid, &expected.key).unwrap(), expected);
    }

    let unknown = graph.parameter_info(tid, "nothing").unwrap_err().to_string();
    assert!(unknown.contains("GXF_PARAMETER_NOT_FOUND") && unknown.contains("'nothing'"), "{unknown}");
    graph.destroy().unwrap();
}
