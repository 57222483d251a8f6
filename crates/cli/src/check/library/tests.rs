//! Each rule with an extension that breaks it, as the runtime would tell of it.
use gxf::{Code, ComponentDescription, ExtensionDescription, ParameterDescription, ParameterValue};

use super::*;

const UUID: &str = "11111111-2222-3333-4444-555555555555";

fn parameter(key: &str, type_name: &'static str) -> Parameter {
    let info = ParameterDescription {
        key: key.into(),
        headline: "Headline".into(),
        description: "Description".into(),
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
    };
    Parameter { info, handle_type: None }
}

fn component(type_name: &str, base: &str, parameters: Vec<Parameter>) -> Component {
    let info = ComponentDescription {
        tid: Tid::parse("11111111-2222-3333-4444-000000000001"),
        type_name: type_name.into(),
        base_name: base.into(),
        is_abstract: false,
        display_name: "Display".into(),
        brief: "Brief".into(),
        description: "Description".into(),
        parameters: parameters.iter().map(|parameter| parameter.info.key.clone()).collect(),
    };
    Component { info, parameters }
}

fn extension(name: &str, uuid: &'static str, version: &str, components: Vec<Component>) -> Extension {
    let info = ExtensionDescription {
        tid: Tid::parse(uuid),
        name: name.into(),
        display_name: "Display".into(),
        category: "Category".into(),
        brief: "Brief".into(),
        description: "Description".into(),
        version: version.into(),
        runtime_version: "4.1.1".into(),
        author: "Author".into(),
        license: "License".into(),
        components: Vec::new(),
    };
    Extension { library: "lib.so".into(), info, components, unanswered: Vec::new() }
}

/// A good extension and its manifest; `change` makes them bad.
fn judged(change: impl FnOnce(&mut Extension, &mut Manifest)) -> (Vec<String>, Vec<String>) {
    judged_with(change, |_, _| Ok(true))
}

fn judged_with(
    change: impl FnOnce(&mut Extension, &mut Manifest),
    answers: fn(Tid, &str) -> Result<bool, gxf::Error>,
) -> (Vec<String>, Vec<String>) {
    let standard = extension(
        "StandardExtension",
        "8ec2d5d6-b5df-48bf-8dee-0252606fdd7e",
        "2.7.0",
        vec![component("nvidia::gxf::Codelet", COMPONENT, Vec::new())],
    );
    let uint = parameter("count", "GXF_PARAMETER_TYPE_UINT32");
    let mut own = extension("My", UUID, "1.0.0", vec![component("my::Codelet", "nvidia::gxf::Codelet", vec![uint])]);
    let text = format!(
        "name: My\nuuid: {UUID}\nversion: 1.0.0\ndependencies:\n\
         - {{uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e, version: 2.7.0}}\n"
    );
    let mut manifest = super::super::manifest::read(&text).0;
    change(&mut own, &mut manifest);
    let catalog = Catalog { runtime_version: "4.1.1".into(), extensions: vec![standard] };
    let (findings, notes) = rules(&manifest, &catalog, &own, answers);
    (findings.iter().map(ToString::to_string).collect(), notes)
}

/// Exactly one finding, with these words.
fn bad(words: &[&str], change: impl FnOnce(&mut Extension, &mut Manifest)) {
    let (findings, _) = judged(change);
    assert!(findings.len() == 1 && words.iter().all(|word| findings[0].contains(word)), "{words:?}: {findings:#?}");
}

#[test]
fn a_good_extension_has_no_findings() {
    assert_eq!(judged(|_, _| ()), (Vec::new(), Vec::new()));
}

#[test]
fn who_it_is() {
    bad(&["name: ", "says My, the library Other"], |own, _| own.info.name = "Other".into());
    bad(&["version: ", "1.0.0, the library 1.0.1"], |own, _| own.info.version = "1.0.1".into());
    bad(&["uuid: ", "the library 21111111-"], |own, _| {
        own.info.tid = Tid::parse("21111111-2222-3333-4444-555555555555");
    });
    bad(&["itself 'my-ext'", "letters"], |own, manifest| {
        own.info.name = "my-ext".into();
        manifest.name = None;
    });
    bad(&["version", "'1.0'"], |own, manifest| {
        own.info.version = "1.0".into();
        manifest.version = None;
    });
    bad(&["another extension"], |own, manifest| {
        own.info.name = "StandardExtension".into();
        manifest.name = None;
    });
    bad(&["author: ", "'Author'", "is what counts"], |_, manifest| manifest.texts = vec![("author", "Me".into())]);
}

#[test]
fn texts() {
    let long = |most: usize| "\u{e4}".repeat(most + 1);
    bad(&["My: display name", "31 characters", "30"], |own, _| own.info.display_name = long(30));
    bad(&["My: category", "30"], |own, _| own.info.category = long(30));
    bad(&["My: brief", "50"], |own, _| own.info.brief = long(50));
    bad(&["My: description", "256"], |own, _| own.info.description = long(256));
    bad(&["My: author", "64"], |own, _| own.info.author = long(64));
    bad(&["My: license", "64"], |own, _| own.info.license = long(64));
    bad(&["my::Codelet: display name", "50"], |own, _| own.components[0].info.display_name = long(50));
    bad(&["my::Codelet: brief", "128"], |own, _| own.components[0].info.brief = long(128));
    bad(&["my::Codelet: description", "1026"], |own, _| own.components[0].info.description = long(1026));
    bad(&["my::Codelet: brief", "UTF-8"], |own, _| own.components[0].info.brief = "a\u{fffd}".into());
    // As long as they may be, in characters.
    assert!(judged(|own, _| own.info.display_name = "\u{e4}".repeat(30)).0.is_empty());
    // The registry takes empty ones.
    let (findings, notes) = judged(|own, _| own.components[0].parameters[0].info.description = String::new());
    assert!(findings.is_empty() && notes.len() == 1 && notes[0].contains("my::Codelet/count"), "{notes:?}");
}

#[test]
fn components() {
    bad(&["My: ", "tools cannot ask"], |own, _| own.unanswered.push(gxf::Error::Nul("a name")));
    bad(&["301 components", "300"], |own, _| {
        own.components = (0..301).map(|_| component("my::Data", "", Vec::new())).collect();
    });
    bad(&["no type name"], |own, _| own.components[0].info.type_name = String::new());
}

#[test]
fn parameters() {
    bad(&["my::Codelet/texts", "list of texts"], |own, _| {
        let mut texts = parameter("texts", "GXF_PARAMETER_TYPE_STRING");
        (texts.info.rank, texts.info.has_default) = (1, true);
        own.components[0].parameters.push(texts);
    });
    bad(&["my::Codelet/to", "nobody knows"], |own, _| {
        let tid = Tid::parse("11111111-2222-3333-4444-00000000000f");
        let mut handle = parameter("to", "GXF_PARAMETER_TYPE_HANDLE");
        (handle.info.handle, handle.handle_type) = (Some(tid), Some(tid.to_string()));
        own.components[0].parameters.push(handle);
    });
    assert!(
        judged(|own, _| {
            let mut text = parameter("text", "GXF_PARAMETER_TYPE_STRING");
            (text.info.has_default, text.info.default) = (true, Some(ParameterValue::Text("a".into())));
            own.components[0].parameters.push(text);
        })
        .0
        .is_empty()
    );
    let (findings, _) = judged_with(|_, _| (), |_, _| Ok(false));
    assert!(findings.len() == 1 && findings[0].contains("my::Codelet/count: the extension leaves limits unset"));
    let refuse = |_: Tid, _: &str| Err(gxf::Error::Gxf { doing: "asking".into(), code: Code::FAILURE });
    let (findings, _) = judged_with(|_, _| (), refuse);
    assert!(findings.len() == 1 && findings[0].contains("does not answer: asking"), "{findings:?}");
}

#[test]
fn dependencies() {
    let entry = "{extension: StandardExtension, uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e, version: 2.7.0}";
    bad(&["nvidia::gxf::Codelet comes from", entry], |_, manifest| manifest.dependencies.clear());
    bad(&["StandardExtension is 2.7.0 in GXF 4.1.1", entry], |_, manifest| {
        manifest.dependencies[0].version = Some("2.6.0".into());
    });
    bad(&["is called StandardExtension", entry], |_, manifest| {
        manifest.dependencies[0].extension = Some("Standard".into());
    });
    // By name alone.
    let (findings, _) = judged(|_, manifest| {
        manifest.dependencies[0].uuid = None;
        manifest.dependencies[0].extension = Some("StandardExtension".into());
    });
    assert!(findings.is_empty(), "{findings:?}");
}
