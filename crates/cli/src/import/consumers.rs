//! The message consumers of a configuration, and the sensor names that come with them.
//! Keys are those of DeepStream 9.1's `message-consumerN` groups (facts: smart-record-behaviour.md, sections 2 and 4).
//! It leaves their components to `graph`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use trigger::MAX_SENSOR_BYTES;

use super::{Context, Form, groups::Group, key_file, report::Report, source_keys::SourceKeys};

/// As many as DeepStream takes.
const MAX_CONSUMERS: usize = 16;
/// NVIDIA's adaptors for which there is a client built in.
const BUILT_IN: [(&str, &str); 2] = [("libnvds_kafka_proto", "builtin:kafka"), ("libnvds_mqtt_proto", "builtin:mqtt")];

/// An enabled consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its group.
    pub group: String,
    /// Path of an adaptor, or `builtin:...`.
    pub proto_lib: String,
    /// As the adaptor takes it.
    pub conn_str: String,
    /// At least one.
    pub topics: Vec<String>,
    /// The adaptor's own file.
    pub config_file: Option<PathBuf>,
    /// Names of sensors.
    pub sensor_list_file: Option<PathBuf>,
}

/// The enabled consumers, in the order of the file.
pub fn read(groups: &[Group], context: &Context<'_>, report: &mut Report) -> Vec<Consumer> {
    let mut consumers = Vec::new();
    for group in groups.iter().filter(|group| group.name.starts_with("message-consumer")) {
        if !SourceKeys::enables(group) {
            report.note(&group.name, "", "it is disabled");
        } else if consumers.len() == MAX_CONSUMERS {
            report.loss(&group.name, "", format_args!("DeepStream and this command take {MAX_CONSUMERS} consumers"));
        } else if let Some(consumer) = consumer(group, context, report) {
            consumers.push(consumer);
        }
    }
    consumers
}

fn consumer(group: &Group, context: &Context<'_>, report: &mut Report) -> Option<Consumer> {
    const KEYS: [&str; 6] =
        ["enable", "proto-lib", "conn-str", "subscribe-topic-list", "config-file", "sensor-list-file"];
    for entry in group.entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        report.note(&group.name, &entry.key, "DeepStream does not know this key, either");
    }
    let mut needed = |key: &str| {
        let value = group.text(key);
        if value.is_none() {
            report.loss(&group.name, key, "it is missing, and so is this consumer");
        }
        value
    };
    let (proto_lib, conn_str, topics) = (needed("proto-lib"), needed("conn-str"), needed("subscribe-topic-list"));
    let topics = super::groups::list(topics?);
    if topics.is_empty() {
        report.loss(&group.name, "subscribe-topic-list", "there is no topic in it, so this consumer is missing");
        return None;
    }
    if topics.iter().any(|topic| topic.contains(';')) {
        report.loss(
            &group.name,
            "subscribe-topic-list",
            "a topic has a \";\" in it, which separates topics: it becomes two",
        );
    }
    let file = |key| group.text(key).map(|path| context.beside(path));
    let config_file = match context.form {
        Form::KeyFile => file("config-file"),
        // DeepStream leaves this one relative to the folder that it runs in.
        Form::Yaml => group.text("config-file").map(PathBuf::from),
    };
    if let Some(Err(error)) = config_file.as_deref().map(context.read) {
        let reason = format_args!("it cannot be read here, and without it the graph does not start: {error}");
        report.note(&group.name, "config-file", reason);
    }
    Some(Consumer {
        group: group.name.clone(),
        proto_lib: adaptor(&group.name, proto_lib?, context, report),
        conn_str: conn_str?.into(),
        topics,
        config_file,
        sensor_list_file: file("sensor-list-file"),
    })
}

/// The adaptor as the graph is to name it.
fn adaptor(group: &str, path: &str, context: &Context<'_>, report: &mut Report) -> String {
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match BUILT_IN.iter().find(|(adaptor, _)| name.starts_with(adaptor)) {
        Some((_, built_in)) if context.built_in => (*built_in).into(),
        _ => {
            if context.built_in {
                report.note(group, "proto-lib", "there is no client built in for it; the adaptor itself is used");
            }
            path.into()
        }
    }
}

/// The names that sensors have, by position of their source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Position to name.
    pub by_position: BTreeMap<usize, String>,
    /// The one file that says all of it, and nothing else: `sensor-list-file` can name it.
    pub file: Option<PathBuf>,
    /// A consumer that has no list while others have: its messages call sources by position.
    pub by_position_for: Option<String>,
}

/// The names from the consumers' sensor lists, which one recorder gets as one.
pub fn names(consumers: &[Consumer], sources: usize, context: &Context<'_>, report: &mut Report) -> Names {
    let mut names = Names::default();
    let mut files: Vec<&Path> = Vec::new();
    let mut plain = true;
    for consumer in consumers {
        let Some(path) = consumer.sensor_list_file.as_deref().filter(|path| !files.contains(path)) else { continue };
        files.push(path);
        let refuse = |report: &mut Report, reason: &dyn std::fmt::Display| {
            report.loss(&consumer.group, "sensor-list-file", reason);
        };
        let text = match (context.read)(path) {
            Ok(text) => text,
            Err(error) => {
                refuse(report, &format_args!("it cannot be read: {error}"));
                continue;
            }
        };
        let groups = match key_file::read(&text) {
            Ok(groups) => groups,
            Err(bad) => {
                refuse(report, &format_args!("line {}: {}", bad.line, bad.reason));
                continue;
            }
        };
        for group in groups.iter().filter(|group| group.name.starts_with("sensor")) {
            match name(group, sources) {
                Ok(None) => {}
                Ok(Some((position, name))) => plain &= names.add(position, name, &consumer.group, report),
                Err(reason) => {
                    plain = false;
                    report.note(&consumer.group, "sensor-list-file", format_args!("[{}]: {reason}", group.name));
                }
            }
        }
    }
    names.by_position_for = consumers
        .iter()
        .find(|consumer| consumer.sensor_list_file.is_none())
        .filter(|_| !names.by_position.is_empty())
        .map(|consumer| consumer.group.clone());
    names.file = match files[..] {
        [file] if plain && !names.by_position.is_empty() => Some(file.into()),
        _ => None,
    };
    names
}

impl Names {
    /// The consumer whose positions do not count, where names are taken for others: an index of a recorder is a position
    /// only if it has `all` sources, and no index where a name is a number.
    pub fn unheard(&self, all: bool) -> Option<&str> {
        let number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
        self.by_position_for.as_deref().filter(|_| !all || self.by_position.values().any(number))
    }

    /// Whether the name is the only one of its source, and the source the only one with it.
    fn add(&mut self, position: usize, name: &str, consumer: &str, report: &mut Report) -> bool {
        let taken = self.by_position.iter().find(|(at, known)| **at == position || *known == name);
        match taken {
            None => {
                self.by_position.insert(position, name.into());
                true
            }
            Some((at, known)) if *at == position && known == name => true,
            Some(_) => {
                let reason = format_args!(
                    "a second name for source {position}, or a name that another source has already, is left out"
                );
                report.loss(consumer, "sensor-list-file", reason);
                false
            }
        }
    }
}

/// Position and name of an enabled `[sensorN]`.
fn name(group: &Group, sources: usize) -> Result<Option<(usize, &str)>, String> {
    match group.get("enable") {
        Some("1" | "true") => {}
        Some("0" | "false") => return Ok(None),
        _ => return Err("enable=0 or enable=1 is needed".into()),
    }
    let position = group.number("sensor").and_then(|number| usize::try_from(number).ok());
    let position = position.ok_or("a sensor's group is called [sensor0], [sensor1], ...")?;
    if position >= sources {
        return Err(format!("there is no source {position}; {sources} are enabled"));
    }
    match group.text("id") {
        Some(id) if id.len() <= MAX_SENSOR_BYTES => Ok(Some((position, id))),
        _ => Err(format!("an id of 1 to {MAX_SENSOR_BYTES} bytes is needed")),
    }
}
