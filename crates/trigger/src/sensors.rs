//! Which source a message's `sensor.id` means: names from `sensor-id-list` or `sensor-list-file`.
//! A wrong list is refused as a whole when the graph starts, with file, line, group and key.
//! It leaves the message to `message`, and the sources themselves to the extension.

use std::{collections::HashMap, fs::File, io::Read, path::Path};

use configparser::ini::{Ini, IniDefault};

use crate::{
    Error, MAX_SENSOR_BYTES,
    quote::{quote, shown},
};

/// Names that an error lists before it says "and N more".
const MAX_LISTED: usize = 10;
/// Largest sensor list file in bytes: over 10,000 sensors of NVIDIA's sample.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The sensor names of a graph's sources. Source indexes count from 0 in the order of `uri-list`.
#[derive(Debug, Clone)]
pub struct Sensors {
    /// One per source: its name, or its index in decimal.
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    /// A number is no index of a source that has a name of its own.
    names_alone: bool,
}

impl Sensors {
    /// From the parameters `sensor-id-list` and `sensor-list-file` for `sources` sources.
    /// An empty list and no file: the sources are known by their indexes only.
    ///
    /// # Errors
    /// Both are set, or one of them is wrong: see [`Sensors::from_list`] and [`Sensors::from_file`].
    pub fn new(list: &str, file: Option<&Path>, sources: usize) -> Result<Self, Error> {
        match (list.trim().is_empty(), file) {
            (false, Some(_)) => Err(Error::TwoSensorLists),
            (true, Some(file)) => Self::from_file(file, sources),
            (_, None) => Self::from_list(list, sources),
        }
    }

    /// From names separated by `;`, one per source in their order; one `;` at the end is allowed.
    /// Empty: indexes.
    ///
    /// # Errors
    /// [`Error::SensorIdList`]: not one name per source, an empty or too long name, or one given twice.
    pub fn from_list(list: &str, sources: usize) -> Result<Self, Error> {
        let list = list.trim();
        if list.is_empty() {
            return Ok(Self::indexes(sources));
        }
        let refuse = |reason| Err(Error::SensorIdList { reason });
        let list = list.strip_suffix(';').unwrap_or(list);
        let count = list.split(';').count();
        if count != sources {
            return refuse(format!(
                "{count} names for {sources} sources (allowed: one name per source, or empty to use indexes)"
            ));
        }
        let mut sensors = Self::indexes(sources);
        for (index, name) in list.split(';').enumerate() {
            if let Err(reason) = sensors.rename(index, name.trim()) {
                return refuse(format!("name {}: {reason}", index + 1));
            }
        }
        Ok(sensors)
    }

    /// From DeepStream's sensor list: groups `[sensorN]` with `enable=0` or `1` and `id=NAME`, where N
    /// is the source index. Other groups and keys are ignored; a source without a group keeps its index.
    ///
    /// # Errors
    /// [`Error::SensorFileUnreadable`], or [`Error::SensorFile`] with the line of the group at fault.
    pub fn from_file(path: &Path, sources: usize) -> Result<Self, Error> {
        let text = read(path).map_err(|source| Error::SensorFileUnreadable { path: path.into(), source })?;
        Self::from_text(&text, path, sources)
    }

    /// As [`Sensors::from_file`], with the file's text already read; `path` is for messages only.
    ///
    /// # Errors
    /// [`Error::SensorFile`] with the line of the group at fault.
    pub fn from_text(text: &str, path: &Path, sources: usize) -> Result<Self, Error> {
        let refuse = |line, reason| Error::SensorFile { path: path.into(), line, reason };
        let groups = ini().read(text.to_owned()).map_err(|reason| refuse(None, one_line(&reason)))?;

        let headers = header_lines(text);
        let mut enabled = Vec::new();
        for (group, keys) in &groups {
            let at = headers.get(group.as_str()).copied();
            let read = group_of_sensor(group, keys, sources)
                .map_err(|reason| refuse(at, format!("[{}]: {reason}", shown(group))))?;
            if let Some((index, id)) = read {
                enabled.push((index, group, at, id));
            }
        }
        // The parser's order is arbitrary; an error must always name the same group.
        enabled.sort_unstable();
        let mut sensors = Self::indexes(sources);
        let mut seen: HashMap<usize, &str> = HashMap::new();
        for (index, group, at, id) in enabled {
            if let Some(other) = seen.insert(index, group) {
                let (group, other) = (shown(group), shown(other));
                let reason = format!("[{group}] is source {index} like [{other}] (allowed: one group per source)");
                return Err(refuse(at, reason));
            }
            sensors.rename(index, id).map_err(|reason| refuse(at, format!("[{}] id: {reason}", shown(group))))?;
        }
        Ok(sensors)
    }

    /// The same sensors as one of several recorders has them that all get the same messages: `0` is then no index of a
    /// source that has a name of its own, since each of the recorders would take it for its own first source.
    #[must_use]
    pub fn names_alone(mut self) -> Self {
        self.names_alone = true;
        self
    }

    /// How many sources there are.
    pub fn sources(&self) -> usize {
        self.names.len()
    }

    /// The source's name, or its index in decimal; "" if there is no such source.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// The index of the source that a message's `sensor.id` means: by name, else by decimal index.
    /// Blanks around `id` do not count.
    ///
    /// Where a name is a number itself, such as the numbers of a recorder that has some of many sources, and after
    /// [`Sensors::names_alone`], no number means a source that is called something else.
    ///
    /// # Errors
    /// [`Error::UnknownSensor`] lists the names that are known.
    pub fn lookup(&self, id: &str) -> Result<usize, Error> {
        let id = id.trim();
        if let Some(&index) = self.by_name.get(id) {
            return Ok(index);
        }
        decimal(id)
            .filter(|&index| index < self.sources() && !(self.names_alone && self.is_named(index)))
            .ok_or_else(|| Error::UnknownSensor { found: quote(id), known: self.known() })
    }

    fn indexes(sources: usize) -> Self {
        let names = (0..sources).map(|index| index.to_string()).collect();
        Self { names, by_name: HashMap::new(), names_alone: false }
    }

    /// Whether the source was given a name.
    fn is_named(&self, index: usize) -> bool {
        self.by_name.get(self.name(index)) == Some(&index)
    }

    /// Gives a source its name. The error is the part after the place: what is wrong, what is allowed.
    fn rename(&mut self, index: usize, name: &str) -> Result<(), String> {
        if name.is_empty() || name.len() > MAX_SENSOR_BYTES {
            return Err(format!("{} (allowed: a name of 1 to {MAX_SENSOR_BYTES} bytes)", quote(name)));
        }
        if let Some(other) = self.by_name.insert(name.to_owned(), index) {
            return Err(format!(
                "{} already names source {other} (allowed: a name of its own for each source)",
                quote(name)
            ));
        }
        // `3` must not record source 3 of this recorder in place of the camera 3 of another.
        self.names_alone |= decimal(name).is_some();
        self.names[index] = name.to_owned();
        Ok(())
    }

    fn known(&self) -> String {
        if self.names.is_empty() {
            return "none, there is no source".into();
        }
        let mut known: Vec<String> = self.names.iter().take(MAX_LISTED).map(|name| quote(name)).collect();
        if self.names.len() > MAX_LISTED {
            known.push(format!("and {} more", self.names.len() - MAX_LISTED));
        }
        known.join(", ")
    }
}

/// DeepStream reads these files as GLib key files: `=` only, no comment after a value, case counts.
fn ini() -> Ini {
    let mut syntax = IniDefault::default();
    syntax.comment_symbols = vec!['#', ';'];
    syntax.inline_comment_symbols = Some(Vec::new());
    syntax.delimiters = vec!['='];
    syntax.case_sensitive = true;
    Ini::new_from_defaults(syntax)
}

fn read(path: &Path) -> std::io::Result<String> {
    // What it is comes first: opening a FIFO would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other("it is too large"));
    }
    Ok(text)
}

/// The parser's own words, which may repeat a line of the file.
fn one_line(reason: &str) -> String {
    reason.replace(char::is_control, " ")
}

/// Line, from 1, of each group's first header; the parser does not keep it.
fn header_lines(text: &str) -> HashMap<&str, usize> {
    let mut lines = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let header = line.trim().strip_prefix('[').and_then(|line| line.rsplit_once(']'));
        if let Some((group, _)) = header {
            lines.entry(group.trim()).or_insert(index + 1);
        }
    }
    lines
}

/// Source index and name of an enabled sensor group; `None` for every other group.
fn group_of_sensor<'a>(
    group: &str,
    keys: &'a HashMap<String, Option<String>>,
    sources: usize,
) -> Result<Option<(usize, &'a str)>, String> {
    let Some(number) = group.strip_prefix("sensor") else { return Ok(None) };
    let value = |key: &str| keys.get(key).map(|value| value.as_deref().unwrap_or_default());
    let enabled = match value("enable") {
        Some("1" | "true") => true,
        Some("0" | "false") => false,
        Some(other) => return Err(format!("enable is {} (allowed: 0 or 1)", quote(other))),
        None => return Err("enable is missing (needed: enable=0 or enable=1)".into()),
    };
    let index = decimal(number).ok_or("not a sensor number (allowed: [sensor0], [sensor1], ...)")?;
    if !enabled {
        return Ok(None);
    }
    if index >= sources {
        let allowed = match sources {
            0 => "none, there is no source".into(),
            1 => "0, there is one source".into(),
            n => format!("0 to {}, there are {n} sources", n - 1),
        };
        return Err(format!("source index {index} is out of range (allowed: {allowed})"));
    }
    let id = value("id").ok_or("id is missing (needed: id=NAME)")?;
    Ok(Some((index, id)))
}

/// Digits only: `parse` alone would take a leading `+`.
fn decimal(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
