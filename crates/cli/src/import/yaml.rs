//! Reads the `.yml` form of a DeepStream configuration: a mapping of groups, each a mapping of keys to scalars.
//! Sources are in a CSV file in this form, one row each; it becomes groups here, too.
//! It leaves what groups and keys mean to others, and the file to whoever calls.

use serde_yaml::Value;

use super::{
    groups::{Entry, Group},
    report::shown,
};

/// The groups of `text`. Of groups that recordings have nothing to do with only the names: their values may be anything.
///
/// # Errors
/// The YAML parser's words with line and column, or which group is no mapping of keys to scalars.
pub fn read(text: &str) -> Result<Vec<Group>, String> {
    match serde_yaml::from_str(text).map_err(|error| error.to_string())? {
        Value::Null => Ok(Vec::new()),
        Value::Mapping(groups) => groups.iter().map(|(name, keys)| group(name, keys)).collect(),
        _ => Err("it is no mapping of groups".into()),
    }
}

fn group(name: &Value, keys: &Value) -> Result<Group, String> {
    let name = scalar(name).ok_or("a group's name is no scalar")?;
    let mut group = Group { name, entries: Vec::new() };
    match keys {
        _ if !["source", "message-consumer"].iter().any(|ours| group.name.starts_with(ours)) => {}
        Value::Null => {}
        Value::Mapping(keys) => {
            for (key, value) in keys {
                let key = scalar(key).ok_or_else(|| format!("{}: a key is no scalar", shown(&group.name)))?;
                let value = scalar(value)
                    .ok_or_else(|| format!("{}: {}: the value is no scalar", shown(&group.name), shown(&key)))?;
                group.entries.push(Entry { key: key.trim().into(), value: value.trim().into() });
            }
        }
        _ => return Err(format!("{}: it is no mapping of keys", shown(&group.name))),
    }
    Ok(group)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// The rows of a source CSV as groups `source0`, `source1`, ... The first line that is neither blank nor a comment names
/// the keys; there are no quotes, as in DeepStream. A value that a row has too few of is left out.
pub fn rows(text: &str) -> Vec<Group> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let row = |(index, line): (usize, &str)| Group {
        name: format!("source{index}"),
        entries: keys
            .iter()
            .zip(line.split(','))
            .map(|(key, value)| Entry { key: (*key).into(), value: value.trim().into() })
            .collect(),
    };
    lines.enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_scalars() {
        let text = "# x\nsource:\n csv-file-path: a.csv\nmessage-consumer0:\n  enable: 1\n  conn-str: host;9092\n  config-file:\nosd:\n";
        let groups = read(text).unwrap();
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["source", "message-consumer0", "osd"]);
        assert_eq!(groups[1].get("enable"), Some("1"));
        assert_eq!((groups[1].get("conn-str"), groups[1].get("config-file")), (Some("host;9092"), Some("")));
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn other_groups_may_have_any_values() {
        let groups = read("tracker:\n  a: [1, 2]\n  b: {c: d}\ntests: 1\nsource:\n  csv-file-path: a.csv\n").unwrap();
        assert_eq!((groups.len(), groups[2].get("csv-file-path")), (3, Some("a.csv")));
    }

    #[test]
    fn what_is_no_configuration_says_where() {
        for (text, words) in [
            ("- a\n", "no mapping of groups"),
            ("source: 1\n", "source: it is no mapping"),
            ("source:\n  b: [1]\n", "source: b: the value is no scalar"),
            ("a: {b: 1\n", "line"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn rows_are_sources() {
        let groups = rows("\n  # comment\nenable, type,uri\n1,4, rtsp://h/a \n# no\n\n0,3\n");
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].name.as_str(), groups[0].get("uri")), ("source0", Some("rtsp://h/a")));
        assert_eq!((groups[1].get("type"), groups[1].get("uri")), (Some("3"), None));
        assert!(rows("").is_empty());
    }
}
