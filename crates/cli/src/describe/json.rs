//! The description for programs: GXF's own names for types and flags, nothing left out, null where there is nothing.
//! Members are only ever added; extensions, components and parameters stay in their order.
//! It leaves words for people to `text` and `markdown`.

use gxf::ParameterValue;
use serde::Serialize;
use serde_json::Value;

use crate::catalog;

#[derive(Serialize)]
struct Document<'a> {
    /// Of the runtime that was asked.
    gxf_version: &'a str,
    extensions: Vec<Extension<'a>>,
}

#[derive(Serialize)]
struct Extension<'a> {
    name: &'a str,
    uuid: String,
    version: &'a str,
    display_name: &'a str,
    category: &'a str,
    brief: &'a str,
    description: &'a str,
    author: &'a str,
    license: &'a str,
    runtime_version: &'a str,
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Component<'a> {
    type_name: &'a str,
    id: String,
    base_type: Option<&'a str>,
    is_abstract: bool,
    display_name: &'a str,
    brief: &'a str,
    description: &'a str,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
struct Parameter<'a> {
    key: &'a str,
    headline: &'a str,
    description: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    handle_type: Option<&'a str>,
    optional: bool,
    dynamic: bool,
    has_default: bool,
    default: Option<Value>,
    min: Option<Value>,
    max: Option<Value>,
    step: Option<Value>,
    rank: i32,
    shape: &'a [i32],
}

/// All of `extensions` as one JSON object.
pub(super) fn json(runtime_version: &str, extensions: &[catalog::Extension]) -> String {
    let document = Document { gxf_version: runtime_version, extensions: extensions.iter().map(extension).collect() };
    // Texts, numbers and lists only, which JSON always has a form for.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn extension(extension: &catalog::Extension) -> Extension<'_> {
    let info = &extension.info;
    Extension {
        name: &info.name,
        uuid: info.tid.to_string(),
        version: &info.version,
        display_name: &info.display_name,
        category: &info.category,
        brief: &info.brief,
        description: &info.description,
        author: &info.author,
        license: &info.license,
        runtime_version: &info.runtime_version,
        components: extension.components.iter().map(component).collect(),
    }
}

fn component(component: &catalog::Component) -> Component<'_> {
    let info = &component.info;
    Component {
        type_name: &info.type_name,
        id: info.tid.to_string(),
        base_type: Some(info.base_name.as_str()).filter(|base| !base.is_empty()),
        is_abstract: info.is_abstract,
        display_name: &info.display_name,
        brief: &info.brief,
        description: &info.description,
        parameters: component.parameters.iter().map(parameter).collect(),
    }
}

fn parameter(parameter: &catalog::Parameter) -> Parameter<'_> {
    let info = &parameter.info;
    let value = |value: &Option<ParameterValue>| value.as_ref().map(json_value);
    Parameter {
        key: &info.key,
        headline: &info.headline,
        description: &info.description,
        type_name: info.type_name,
        handle_type: parameter.handle_type.as_deref(),
        optional: info.optional,
        dynamic: info.dynamic,
        has_default: info.has_default,
        default: value(&info.default),
        min: value(&info.min),
        max: value(&info.max),
        step: value(&info.step),
        rank: info.rank,
        shape: &info.shape,
    }
}

fn json_value(value: &ParameterValue) -> Value {
    match value {
        ParameterValue::Unsigned(value) => (*value).into(),
        ParameterValue::Signed(value) => (*value).into(),
        ParameterValue::Float(value) => (*value).into(),
        ParameterValue::Bool(value) => (*value).into(),
        ParameterValue::Text(value) => value.as_str().into(),
    }
}
