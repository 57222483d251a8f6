//! Which recorders a configuration needs: sources with the same settings share one, and each knows its sensors' names.
//! One `NvDsSmartRecord` has one set of parameters; DeepStream has one for each source.
//! It leaves their components to `graph`.

use std::path::PathBuf;

use super::{
    consumers::Names,
    report::Report,
    sources::{Recording, Source, Sources},
};

/// The longest prefix that the recorder takes, in bytes.
const MAX_PREFIX_BYTES: usize = 180;

/// One `NvDsSmartRecord`.
#[derive(Debug)]
pub struct Recorder {
    /// Name of its entity.
    pub name: String,
    /// Addresses, in the order of `uri-list`.
    pub uris: Vec<String>,
    /// What its sources share; the file prefix as the recorder is to have it.
    pub recording: Recording,
    /// What messages call its sources.
    pub sensors: Sensors,
}

/// What messages call a recorder's sources.
#[derive(Debug, PartialEq, Eq)]
pub enum Sensors {
    /// Their indexes.
    Indexes,
    /// `sensor-id-list`.
    List(Vec<String>),
    /// `sensor-list-file`.
    File(PathBuf),
}

/// The recorders, in the order of their first sources.
pub fn recorders(sources: &Sources, mut names: Names, report: &mut Report) -> Vec<Recorder> {
    let mut groups: Vec<Vec<&Source>> = Vec::new();
    for source in &sources.recorded {
        match groups.iter_mut().find(|group| group[0].recording == source.recording) {
            Some(group) => group.push(source),
            None => groups.push(vec![source]),
        }
    }
    let count = groups.len();
    let all = groups[0].len() == sources.enabled;
    if let Some(consumer) = names.unheard(all) {
        let reason = "it has none, so that in DeepStream its messages call sources 0, 1, ...; here only those that the other \
                      consumers' lists have no name for";
        report.loss(consumer, "sensor-list-file", reason);
    }
    take_names_of_list(sources, all, &mut names, report);
    if count > 1 {
        report.note("", "", format_args!(
            "{count} recorders, since not all sources have the same settings; each gets every message, ignores those for sensors \
             that it does not have, and numbers its files by its own sources"
        ));
    }
    let recorder = |(index, group): (usize, Vec<&Source>)| {
        let name = if count == 1 { "recorder".to_owned() } else { format!("recorder{index}") };
        let mut recording = group[0].recording.clone();
        recording.file_prefix = file_prefix(&group, report);
        let uris = group.iter().map(|source| source.uri.clone()).collect();
        Recorder { name, uris, recording, sensors: sensors(&group, sources, &names, report) }
    };
    groups.into_iter().enumerate().map(recorder).collect()
}

/// `[source-list]` has names, too; DeepStream's consumers do not know them, and call sources by their positions. So they
/// do after an import: names come beside positions, where one recorder has `all` sources, and never in place of them.
fn take_names_of_list(sources: &Sources, all: bool, names: &mut Names, report: &mut Report) {
    if sources.names.is_empty() || !names.by_position.is_empty() {
        return;
    }
    if !all {
        let reason = "messages call the sources 0, 1, ... as in DeepStream, not by these names";
        return report.note("source-list", "sensor-id-list", reason);
    }
    let mut distinct = sources.names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    // A number would stand for another source than the one in its place.
    let number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let fits = sources.names.iter().all(|name| name.len() <= trigger::MAX_SENSOR_BYTES && !number(name));
    if sources.names.len() != sources.enabled || distinct.len() != sources.enabled || !fits {
        let reason = "a name of its own for each source is needed, not a number; messages call the sources 0, 1, ...";
        return report.note("source-list", "sensor-id-list", reason);
    }
    names.by_position = sources.names.iter().cloned().enumerate().collect();
}

fn sensors(group: &[&Source], sources: &Sources, names: &Names, report: &mut Report) -> Sensors {
    let all = group.len() == sources.enabled;
    match &names.file {
        Some(file) if all => return Sensors::File(file.clone()),
        _ if all && names.by_position.is_empty() => return Sensors::Indexes,
        _ => {}
    }
    let name = |source: &&Source| match names.by_position.get(&source.position) {
        Some(name) if !name.contains(';') => name.clone(),
        Some(_) => {
            report.loss(&source.group, "", "its sensor's name has a \";\" in it, which separates names");
            source.position.to_string()
        }
        None => source.position.to_string(),
    };
    Sensors::List(group.iter().map(name).collect())
}

/// DeepStream's is `<prefix>_<camera id>`, ours `<prefix>`, and `_<index>` where a recorder has several sources.
fn file_prefix(group: &[&Source], report: &mut Report) -> Option<String> {
    let first = group[0];
    let given = first.recording.file_prefix.as_deref()?;
    let mut prefix: String = given.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
    if let [only] = group {
        prefix = format!("{prefix}_{}", only.camera_id);
    } else if group.iter().enumerate().any(|(index, source)| u32::try_from(index) != Ok(source.camera_id)) {
        let reason = "files have the source's index in uri-list behind the prefix, not its camera-id";
        report.note(&first.group, "smart-rec-file-prefix", reason);
    }
    if prefix.len() > MAX_PREFIX_BYTES {
        while prefix.len() > MAX_PREFIX_BYTES {
            prefix.pop();
        }
        let reason = format_args!("it is cut after {MAX_PREFIX_BYTES} bytes");
        report.loss(&first.group, "smart-rec-file-prefix", reason);
    } else if given.contains(['/', '\0']) || given.chars().any(char::is_control) {
        report.loss(&first.group, "smart-rec-file-prefix", "\"/\" and control characters in it become \"_\"");
    }
    Some(prefix)
}
