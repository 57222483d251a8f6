//! The sources of a configuration: which are enabled, in which order, and how each is to be recorded.
//! Keys and defaults are those of DeepStream 9.1's source groups (facts: smart-record-behaviour.md, sections 2, 4, 6).
//! It leaves how sources share recorders to `plan`, and reading a group's keys to `source_keys`.

use super::{
    groups::{Group, up_to_blank},
    report::Report,
    source_keys::SourceKeys,
};

/// As many as DeepStream takes.
const MAX_SOURCES: usize = 1024;
/// DeepStream's number for an RTSP source, the only one that it records.
const RTSP: u32 = 4;

/// A source that is recorded.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its group, for messages.
    pub group: String,
    /// Its place among the enabled sources, from 0: what a message without a sensor list calls it.
    pub position: usize,
    /// What DeepStream puts behind the file prefix.
    pub camera_id: u32,
    /// An RTSP address; may have a password in it.
    pub uri: String,
    /// How it is recorded.
    pub recording: Recording,
}

/// How a source is recorded; sources that agree in all of it share a recorder. All lengths in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// `smart-record`: 1 messages, 2 local events too.
    pub triggers: u32,
    /// `smart-rec-dir-path`: as it stands, relative to the folder that the program runs in.
    pub dir_path: Option<String>,
    /// `smart-rec-file-prefix`, as it stands.
    pub file_prefix: Option<String>,
    /// 0: MP4, 1: MKV.
    pub container: u32,
    /// `smart-rec-cache`.
    pub cache: u32,
    /// `smart-rec-default-duration`.
    pub default_duration: u32,
    /// The rest concerns local events only; `None` without them.
    pub local_events: Option<LocalEvents>,
    /// Jitter buffer in milliseconds.
    pub latency: u32,
    /// 0: all, 4: TCP.
    pub protocol: u32,
    /// `None`: not said; 0: never.
    pub reconnect_interval: Option<u32>,
}

/// `smart-record=2`. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalEvents {
    /// `smart-rec-start-time`.
    pub start_time: u32,
    /// `smart-rec-duration`; 0: the default duration.
    pub duration: u32,
    /// `smart-rec-interval`.
    pub interval: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sources {
    /// Those that are recorded, by position.
    pub recorded: Vec<Source>,
    /// How many are enabled, recorded or not.
    pub enabled: usize,
    /// Names from `[source-list]`, by position.
    pub names: Vec<String>,
}

/// The sources of the `.txt` form, `[source-list]` included.
pub fn of_key_file(groups: &[Group], report: &mut Report) -> Sources {
    match groups.iter().find(|group| group.name == "source-list") {
        Some(list) => of_list(list, groups, report),
        None => {
            let numbered = numbered(groups, report);
            of_groups(numbered, report)
        }
    }
}

/// The sources of the `.yml` form, whose rows are groups already.
pub fn of_rows(rows: &[Group], report: &mut Report) -> Sources {
    // Here DeepStream numbers no cameras by itself.
    of_groups(rows.iter().map(|row| (0, row)).collect(), report)
}

/// Groups `[sourceN]` with their N.
fn numbered<'a>(groups: &'a [Group], report: &mut Report) -> Vec<(u32, &'a Group)> {
    let mut numbered = Vec::new();
    let sources = groups.iter().filter(|group| group.name.starts_with("source"));
    for group in sources.filter(|group| !["source-list", "source-attr-all"].contains(&group.name.as_str())) {
        match group.number("source") {
            Some(number) => numbered.push((number, group)),
            None => report.loss(&group.name, "", "a source's group is called [source0], [source1], ..."),
        }
    }
    numbered
}

fn of_groups(groups: Vec<(u32, &Group)>, report: &mut Report) -> Sources {
    let mut sources = Sources::default();
    for (camera_id, group) in groups {
        let mut told = Report::default();
        let mut keys = SourceKeys::new(camera_id);
        keys.apply(group, &mut told);
        if !keys.enabled {
            report.note(&group.name, "", "it is disabled");
            continue;
        }
        sources.add(&group.name, keys, told, report);
    }
    sources
}

/// `[source-list]`: the addresses in one list, the keys in `[source-attr-all]`, exceptions in `[sourceN]`.
fn of_list(list: &Group, groups: &[Group], report: &mut Report) -> Sources {
    let pieces = |key| list.get(key).map(super::groups::list).unwrap_or_default();
    let (uris, ids) = (pieces("list"), pieces("sensor-id-list"));
    let mut sources = Sources::default();
    let Some(all) = groups.iter().find(|group| group.name == "source-attr-all") else {
        report.loss("source-list", "", "[source-attr-all] is missing; DeepStream refuses the file, too");
        return sources;
    };
    let count = match list.get("num-source-bins") {
        Some(text) if uris.is_empty() => up_to_blank(text).parse().unwrap_or(0),
        _ => uris.len(),
    };
    if list.get("num-source-bins").is_some_and(|text| up_to_blank(text).parse() != Ok(count)) {
        report.note("source-list", "num-source-bins", format_args!("the list has {count} sources, which counts"));
    }
    if list.get("use-nvmultiurisrcbin").is_some_and(|value| matches!(up_to_blank(value), "1" | "true")) {
        // Its recorders are out of the consumers' reach (facts: smart-record-behaviour.md, section 2).
        report.note(
            "source-list",
            "use-nvmultiurisrcbin",
            "with it no message starts a recording in DeepStream; here it does",
        );
    }
    let mut told = Report::default();
    let mut base = SourceKeys::new(0);
    base.apply(all, &mut told);
    if !base.enabled {
        report.note(
            "source-attr-all",
            "",
            "it is disabled, and with it all sources that have no [sourceN] of their own",
        );
    }
    let mut every: Vec<(SourceKeys, Report)> = Vec::new();
    if count > MAX_SOURCES {
        report.loss("source-list", "", format_args!("DeepStream and this command take {MAX_SOURCES} sources"));
    }
    for index in 0..count.min(MAX_SOURCES) {
        let mut keys = base.clone();
        keys.camera_id = u32::try_from(index).unwrap_or(u32::MAX);
        if let Some(uri) = uris.get(index) {
            // A list has the type in its addresses.
            keys.kind = if is_rtsp(uri) { RTSP } else { 2 };
            keys.uri.clone_from(uri);
        }
        every.push((keys, Report::default()));
    }
    for (number, group) in numbered(groups, report) {
        let place = usize::try_from(number).ok().and_then(|number| every.get_mut(number));
        match place {
            Some((keys, told)) if SourceKeys::enables(group) => {
                keys.camera_id = number;
                keys.apply(group, told);
            }
            Some(_) => report.note(&group.name, "", "it is disabled, so that [source-attr-all] counts"),
            None => report.loss(&group.name, "", format_args!("the list has {count} sources, from [source0] on")),
        }
    }
    for line in told.lines() {
        report.again(line);
    }
    for (index, (keys, told)) in every.into_iter().enumerate() {
        if keys.enabled {
            sources.enabled = index;
            sources.add(&format!("source{index}"), keys, told, report);
        }
    }
    sources.enabled = count.min(MAX_SOURCES);
    sources.names = ids;
    sources
}

impl Sources {
    /// The next enabled source, recorded if it asks for it and can be.
    fn add(&mut self, group: &str, keys: SourceKeys, told: Report, report: &mut Report) {
        let position = self.enabled;
        if position >= MAX_SOURCES {
            return report.loss(group, "", format_args!("DeepStream and this command take {MAX_SOURCES} sources"));
        }
        self.enabled += 1;
        if keys.smart_record == 0 {
            return report.note(group, "", "it is not recorded (smart-record is 0)");
        }
        if keys.kind != RTSP {
            let reason = format_args!("{}; DeepStream records RTSP sources (4) alone", keys.kind);
            return report.loss(group, "type", reason);
        }
        if !is_rtsp(&keys.uri) {
            return report.loss(group, "uri", "an address is needed that begins with rtsp://");
        }
        if keys.uri.contains(';') {
            return report.loss(group, "uri", "an address with \";\" in it has no place in uri-list (write %3B)");
        }
        for line in told.lines() {
            report.again(line);
        }
        let recording = keys.recording(group, report);
        let (group, camera_id, uri) = (group.into(), keys.camera_id, keys.uri);
        self.recorded.push(Source { group, position, camera_id, uri, recording });
    }
}

/// As `uri-list` takes it.
fn is_rtsp(uri: &str) -> bool {
    let scheme = uri.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("rtsp" | "rtspt" | "rtsps" | "rtspst"))
}
