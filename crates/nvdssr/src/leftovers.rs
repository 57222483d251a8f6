//! Recordings that an earlier process left unfinished: completed once per folder and process, in the background.
//! How that is done is left to `recorder::completion`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use recorder::completion::Completion;
use recorder::event::EventSink;

/// The folders that are looked after, or have been.
static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Weak<Completion>>>> = LazyLock::new(Mutex::default);

/// Completes what is left in `dir`, unless somebody who still lives has had that done. Ends with the last one who holds it.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn complete(dir: &Path, sidecar: bool, events: EventSink) -> Result<Arc<Completion>, recorder::Error> {
    let mut folders = FOLDERS.lock();
    if let Some(completion) = folders.get(dir).and_then(Weak::upgrade) {
        return Ok(completion);
    }
    let completion = Arc::new(Completion::start(dir.to_owned(), sidecar, events)?);
    folders.retain(|_, completion| completion.strong_count() > 0);
    folders.insert(dir.to_owned(), Arc::downgrade(&completion));
    Ok(completion)
}
