//! Finds the library of `recordbin-lib` and what it must provide. One that has been loaded stays so until the process
//! ends: GObject types and threads of its own cannot be taken out of it.
//! Calling it is left to `context`.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use parking_lot::Mutex;

use crate::Error;

/// What gst-nvdssr.h declares.
const SYMBOLS: [&str; 4] = ["NvDsSRCreate", "NvDsSRStart", "NvDsSRStop", "NvDsSRDestroy"];

/// What has been loaded, one for each path.
static LOADED: Mutex<Vec<&'static Library>> = Mutex::new(Vec::new());

/// A library with the interface of gst-nvdssr.h.
pub(crate) struct Library {
    path: PathBuf,
    pub(super) functions: nvdssr_sys::Library,
}

impl Library {
    /// The error for a library that does not do what it should.
    pub(super) fn unusable(&self, reason: String) -> Error {
        Error::RecordbinLib { path: self.path.clone(), reason }
    }

    /// Loads the library, or finds that it has been. A name without a folder is looked for where the system's loader
    /// does.
    ///
    /// # Errors
    /// When there is no such file, it is no library, lacks something, or has not all of the functions.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, Error> {
        // Held while it is loaded: of two starts at a time, the second one waits.
        let mut loaded = LOADED.lock();
        if let Some(library) = loaded.iter().find(|library| library.path == path) {
            return Ok(library);
        }
        let functions = open(path).map_err(|reason| Error::RecordbinLib { path: path.into(), reason })?;
        let library: &'static Self = Box::leak(Box::new(Self { path: path.into(), functions }));
        loaded.push(library);
        Ok(library)
    }
}

/// Its file's name, for people.
impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.file_name().unwrap_or(self.path.as_os_str()).display())
    }
}

fn open(path: &Path) -> Result<nvdssr_sys::Library, String> {
    let is_searched = path.parent().is_none_or(|folder| folder.as_os_str().is_empty());
    if !is_searched {
        // The loader's own words for these are harder to understand.
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Err("it is not a file".into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Err("there is no such file".into()),
            Err(error) => return Err(error.to_string()),
        }
    }
    // All that it needs must be there now, not in the middle of a recording.
    let flags = RTLD_NOW | RTLD_LOCAL;
    // SAFETY: its initialisers run here. The owner of the graph has named it to be run, as any GStreamer plugin or GXF
    // extension is; it is never unloaded, so that no finaliser runs while its code is in use.
    let handle = unsafe { Handle::open(Some(path), flags) }.map_err(|error| cannot_be_loaded(&error))?;
    let missing: Vec<_> = SYMBOLS
        .into_iter()
        // SAFETY: only the symbol's being there is asked for; no type is assumed and nothing is called.
        .filter(|symbol| unsafe { handle.get::<*const ()>(symbol.as_bytes()) }.is_err())
        .collect();
    if !missing.is_empty() {
        // It may have left something behind that would not survive its going.
        std::mem::forget(handle);
        return Err(format!("it does not have the symbols {}", missing.join(", ")));
    }
    // SAFETY: functions of these names have the types of gst-nvdssr.h, in DeepStream's library since 5.0 and in ours; there
    // is no other interface of that name.
    unsafe { nvdssr_sys::Library::from_library(handle) }.map_err(|error| cannot_be_loaded(&error))
}

fn cannot_be_loaded(error: &libloading::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    format!("it cannot be loaded: {cause}")
}
