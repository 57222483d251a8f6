//! Reads a broker's `config-file`: the group `[message-broker]` of DeepStream's adaptors, keys checked against a list.
//! A key that nobody knows is an error: a misspelt setting must not pass unnoticed.
//! It leaves the meaning of the values to the protocols.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use configparser::ini::{Ini, IniDefault};

use crate::{
    Error,
    quote::{quote, shown},
};

const GROUP: &str = "message-broker";
/// Largest file in bytes; DeepStream's are about 2 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings of one file; empty if there is none.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    keys: BTreeMap<String, String>,
}

impl ConfigFile {
    /// Reads the file, if there is one. Values may stand in double quotes. Only keys of `known` are allowed.
    ///
    /// # Errors
    /// [`Error::BrokerFileUnreadable`], or [`Error::BrokerFile`]: no key file, no group `[message-broker]`, or an unknown key.
    pub(super) fn read(path: Option<&Path>, known: &[&str]) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = bytes(path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        let text = text.map_err(|source| Error::BrokerFileUnreadable { path: path.into(), source })?;
        Self::parse(path, text, known)
    }

    /// The same, of a file that was read already.
    pub(super) fn parse(path: &Path, text: String, known: &[&str]) -> Result<Self, Error> {
        let mut file = Self { path: path.into(), keys: BTreeMap::new() };
        let mut groups = ini().read(text).map_err(|reason| file.refuse(None, shown(&reason)))?;
        let Some(keys) = groups.remove(GROUP) else {
            return Err(file.refuse(None, format!("there is no group [{GROUP}] (needed: one)")));
        };
        for (key, value) in keys {
            // A line without '=' is a key without a value, or half of a password that went over two lines.
            let Some(value) = value else {
                let reason = format!("a line of [{GROUP}] has no '=' (allowed: key=value, and comments after #)");
                return Err(file.refuse(None, reason));
            };
            if !known.contains(&key.as_str()) {
                let reason = format!("not known in [{GROUP}] (allowed: {})", known.join(", "));
                return Err(file.refuse(Some(&key), reason));
            }
            file.keys.insert(key, unquoted(&value).to_owned());
        }
        Ok(file)
    }

    /// An error about a key of this file.
    pub(super) fn refuse(&self, key: Option<&str>, reason: String) -> Error {
        Error::BrokerFile { path: self.path.clone(), key: key.map(shown), reason }
    }

    /// The value; `None` where the key is missing or has no value.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `name=value;name=value`, in order.
    ///
    /// # Errors
    /// [`Error::BrokerFile`]: a part without `=`.
    pub(super) fn pairs(&self, key: &str) -> Result<Vec<(String, String)>, Error> {
        let parts = self.get(key).unwrap_or_default().split(';').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().into(), value.trim().into())),
                // The part may be a password: it is not shown.
                _ => Err(self.refuse(Some(key), "a part has no '=' (allowed: \"name=value;name=value\")".into())),
            })
            .collect()
    }

    /// 0 or 1 (false or true); `default` where the key is missing.
    ///
    /// # Errors
    /// [`Error::BrokerFile`]: anything else.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, Error> {
        match self.get(key) {
            None => Ok(default),
            Some("1" | "true") => Ok(true),
            Some("0" | "false") => Ok(false),
            Some(other) => Err(self.refuse(Some(key), format!("{} (allowed: 0 or 1)", quote(other)))),
        }
    }
}

/// GLib key files, as DeepStream reads them: `=` only, comments on lines of their own, case counts.
fn ini() -> Ini {
    let mut syntax = IniDefault::default();
    syntax.comment_symbols = vec!['#', ';'];
    syntax.inline_comment_symbols = Some(Vec::new());
    syntax.delimiters = vec!['='];
    syntax.case_sensitive = true;
    Ini::new_from_defaults(syntax)
}

/// The contents of a file that settings consist of or name.
pub(super) fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // What it is comes first: opening a FIFO would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!("it is too large (allowed: {MAX_BYTES} bytes)")));
    }
    Ok(bytes)
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["proto-cfg", "enable-tls", "username"];

    fn read(text: &str) -> Result<ConfigFile, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cfg.txt");
        std::fs::write(&path, text).unwrap();
        ConfigFile::read(Some(&path), KNOWN)
    }

    #[test]
    fn deepstream_s_format_is_read() {
        let file = read(concat!(
            "# a comment\n[message-broker]\nproto-cfg = \"a.b=1; c.d = x=y;\"\n#username=x\n",
            "enable-tls=1\nusername =\n[other]\nx=1\n"
        ))
        .unwrap();
        assert_eq!(file.pairs("proto-cfg").unwrap(), [("a.b".into(), "1".into()), ("c.d".into(), "x=y".into())]);
        assert!(file.flag("enable-tls", false).unwrap());
        assert_eq!(file.get("username"), None);
        assert!(ConfigFile::read(None, KNOWN).unwrap().pairs("proto-cfg").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let unknown = read("[message-broker]\nproto-cgf=1\n").unwrap_err().to_string();
        assert!(unknown.contains("cfg.txt") && unknown.contains("proto-cgf") && unknown.contains("proto-cfg,"));
        assert!(read("[broker]\n").unwrap_err().to_string().contains("[message-broker]"));
        let flag = read("[message-broker]\nenable-tls=yes\n").unwrap().flag("enable-tls", false);
        assert!(flag.unwrap_err().to_string().contains("0 or 1"));
        let secret = read("[message-broker]\nproto-cfg=\"a=1;hunter2\"\n").unwrap().pairs("proto-cfg");
        let secret = secret.unwrap_err().to_string();
        assert!(secret.contains("no '='") && !secret.contains("hunter2"), "{secret}");
        let line = read("[message-broker]\nproto-cfg=\"a=1;\nhunter2\"\n").unwrap_err().to_string();
        assert!(line.contains("no '='") && !line.contains("hunter2"), "{line}");
        let hostile = read(&format!("[message-broker]\n\u{1b}[2J{}=1\n", "x".repeat(9_999))).unwrap_err().to_string();
        assert!(!hostile.contains('\u{1b}') && hostile.len() < 500, "{hostile}");
        let missing = ConfigFile::read(Some(Path::new("/nowhere/cfg.txt")), KNOWN).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/cfg.txt"), "{missing}");
    }
}
