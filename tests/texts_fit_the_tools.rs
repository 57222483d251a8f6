//! Promise: every text that Composer and the registry show is there, is no longer than they allow, and says the unit.
//! Asked of the real runtime, so that what is checked is what a tool gets; a new parameter must be sorted in below.
//! Left to others: which parameters there are and what they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::built;
use gxf::{ComponentDescription, ExtensionDescription, GraphContext, ParameterDescription, Runtime, limits};

/// Numbers with a unit, and how the headline says it.
const UNITS: [(&str, &str); 13] = [
    ("smart-rec-cache", "(s)"),
    ("smart-rec-default-duration", "(s)"),
    ("smart-rec-duration", "(s)"),
    ("smart-rec-start-time", "(s before)"),
    ("smart-rec-interval", "(s)"),
    ("smart-rec-max-duration", "(s)"),
    ("rtsp-reconnect-interval", "(s)"),
    ("latency", "(ms)"),
    ("smart-rec-cache-bytes", "(bytes)"),
    ("smart-rec-total-cache-bytes", "(bytes)"),
    ("smart-rec-max-pending-bytes", "(bytes)"),
    ("smart-rec-max-sessions", "recordings"),
    ("capacity", "(messages)"),
];
/// Numbers that stand for a choice: the description says what each one means.
const CHOICES: [&str; 5] = ["smart-record", "smart-rec-container", "smart-rec-mode", "select-rtp-protocol", "policy"];
/// Numbers of GXF's own types, which set no range.
const NO_RANGE: [&str; 2] = ["capacity", "policy"];

/// Characters, as NVIDIA's tools count them; never more than bytes.
fn text(what: &str, text: &str, most: usize) {
    assert!(!text.trim().is_empty(), "{what} is empty");
    assert_eq!(text.trim(), text, "{what} begins or ends with a space");
    assert!(text.len() <= most, "{what} has {} bytes, allowed are {most}: {text}", text.len());
    assert!(!text.contains('\u{fffd}') && !text.contains("  ") && !text.contains('\n'), "{what}: {text}");
}

fn extension(info: &ExtensionDescription) {
    let name = &info.name;
    text(&format!("{name}: display name"), &info.display_name, limits::EXTENSION_DISPLAY_NAME);
    text(&format!("{name}: category"), &info.category, limits::EXTENSION_CATEGORY);
    text(&format!("{name}: brief"), &info.brief, limits::EXTENSION_BRIEF);
    text(&format!("{name}: description"), &info.description, limits::EXTENSION_DESCRIPTION);
    text(&format!("{name}: author"), &info.author, limits::EXTENSION_AUTHOR);
    text(&format!("{name}: license"), &info.license, limits::EXTENSION_AUTHOR);
}

fn component(info: &ComponentDescription) {
    let name = &info.type_name;
    text(&format!("{name}: display name"), &info.display_name, limits::COMPONENT_DISPLAY_NAME);
    text(&format!("{name}: brief"), &info.brief, limits::COMPONENT_BRIEF);
    text(&format!("{name}: description"), &info.description, limits::COMPONENT_DESCRIPTION);
}

fn parameter(graph: &GraphContext, component: &str, info: &ParameterDescription) {
    let name = format!("{component}/{}", info.key);
    text(&format!("{name}: headline"), &info.headline, 40);
    text(&format!("{name}: description"), &info.description, usize::MAX);
    match info.type_name.trim_start_matches("GXF_PARAMETER_TYPE_") {
        "HANDLE" => {
            let target = info.handle.map(|tid| graph.component_info(tid).unwrap().type_name);
            let wanted = if info.key.contains("rx") || info.key == "target" {
                "nvidia::gxf::Receiver"
            } else {
                "nvidia::gxf::Transmitter"
            };
            assert_eq!(target.as_deref(), Some(wanted), "{name}");
        }
        "STRING" | "FILE" | "BOOL" => assert_eq!(info.handle, None, "{name}"),
        _ => number(&name, info),
    }
}

fn number(name: &str, info: &ParameterDescription) {
    let ends = [&info.min, &info.max].map(|end| end.as_ref().map(ToString::to_string));
    assert!(NO_RANGE.contains(&info.key.as_str()) || !ends.contains(&None), "{name} has no range");
    let unit = UNITS.iter().find(|(key, _)| *key == info.key);
    match unit {
        Some((_, unit)) => assert!(info.headline.contains(unit), "{name}: '{}' does not say {unit}", info.headline),
        None => {
            assert!(CHOICES.contains(&info.key.as_str()), "{name}: give it a unit or make it a choice in this test");
            for end in ends.into_iter().flatten() {
                assert!(info.description.contains(&format!("{end}: ")), "{name}: what does {end} mean?");
            }
        }
    }
}

#[test]
fn every_text_of_both_extensions() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}; run `make test`, which sets it up"));
    let graph = runtime.context().unwrap();
    graph.set_severity(None).unwrap();
    let parts = built();
    let none: &[&str] = &[];
    graph.load_extensions(&[&parts.gxf_std], none, None).unwrap();
    let standard = graph.extensions().unwrap();
    graph.load_extensions(&[&parts.extension, &parts.cloud_msg], none, None).unwrap();

    let mut seen = [0; 3];
    for tid in graph.extensions().unwrap().into_iter().filter(|tid| !standard.contains(tid)) {
        let info = graph.extension_info(tid).unwrap();
        extension(&info);
        seen[0] += 1;
        for tid in info.components {
            let info = graph.component_info(tid).unwrap();
            component(&info);
            seen[1] += 1;
            for key in &info.parameters {
                // What the registry asks, and would crash on.
                assert!(graph.answers_in_full(tid, key).unwrap(), "{}/{key}", info.type_name);
                parameter(&graph, &info.type_name, &graph.parameter_info(tid, key).unwrap());
                seen[2] += 1;
            }
        }
    }
    // That it looked at everything: extensions, components (NvDsMessage once), parameters (which ones is for other tests).
    assert!(seen[..2] == [2, 9] && seen[2] >= 50, "{seen:?}");
}
