//! A folder of a user's: configurations in it, the command run in it, and what the command says.
//! Gone when the value is dropped.
//! Left to others: what the files mean.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use testbed::TempDir;

use super::built::BINARY;

/// A folder with configurations and what comes out of them.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self(testbed::temp_dir().unwrap())
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and makes its folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the command in this folder.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Command::new(BINARY).args(arguments).current_dir(self.0.path()).output().unwrap()
    }
}

/// Checks the exit status, and that both outputs have these words in them.
#[track_caller]
pub fn says(output: &Output, status: i32, out: &[&str], err: &[&str]) {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    assert_eq!(output.status.code(), Some(status), "{texts:#?}");
    for (text, words) in texts.iter().zip([out, err]) {
        for word in words {
            assert!(text.contains(word), "{text:?} does not say {word:?}");
        }
    }
}
