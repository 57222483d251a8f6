//! How much a run tries: the full form, or the short one of CI; and the numbered source that its cases share.
//! What the figures are for is left to the cases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::camera::scene;
use crate::undo::Guard;
use crate::victim::RecorderPlan;
use crate::{Error, system};

/// Seconds of the shared source: longer than any case that uses it.
const SOURCE_SECONDS: u32 = 150;

/// `smart-rec-cache` of the cases that need no other.
pub const CACHE: Duration = Duration::from_secs(10);

/// How much is tried.
pub struct Plan {
    /// The short form.
    pub short: bool,
    /// What all random moments come from.
    pub seed: u64,
    source: PathBuf,
    _folder: Guard,
}

impl Plan {
    /// Makes the source: a file whose every frame carries its number, played in real time.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(short: bool, seed: u64) -> Result<Self, Error> {
        let (folder, guard) = system::folder()?;
        let source = folder.join("source.mp4");
        testbed::make_file(&source, &scene(), SOURCE_SECONDS)?;
        Ok(Self { short, seed, source, _folder: guard })
    }

    /// Recordings that are killed, of each container.
    pub fn killed(&self) -> usize {
        if self.short { 6 } else { 100 }
    }

    /// Recordings at once in each victim that is killed.
    pub fn at_once(&self) -> usize {
        if self.short { 6 } else { 10 }
    }

    /// How long a disk hangs, or a camera is silent.
    pub fn hang(&self) -> Duration {
        Duration::from_secs(if self.short { 10 } else { 30 })
    }

    /// How long a network is cut, or a server down.
    pub fn cut(&self) -> Duration {
        Duration::from_secs(if self.short { 4 } else { 12 })
    }

    /// A recorder of the shared source. Frame n reaches it n frames after its start.
    pub fn recorder(&self, dir: &Path, mkv: bool) -> RecorderPlan {
        let source = format!("file://{}", self.source.display());
        RecorderPlan { source, dir: dir.into(), mkv, max_pending: None, cache: CACHE, reconnect: None }
    }

    /// The shared source.
    pub fn source(&self) -> &Path {
        &self.source
    }
}
