//! Disks that are full, read-only, gone, over quota or hang: only the sessions on them fail, with the system's reason;
//! what was written is kept and plays; and beside them, in the same process, a good disk gets everything.
//! Making such disks is left to `volume`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use testbed::HANG_GUARD;

use crate::Error;
use crate::camera::FPS;
use crate::handle::{Progress, Victim};
use crate::plan::Plan;
use crate::recording::{judge_done, unbroken};
use crate::system::{folder, subfolder};
use crate::table::{Tally, all};
use crate::undo::Guard;
use crate::volume::Volume;

/// Recorders of a trial: both containers on the bad disk, MP4 on the good one.
const BAD: [(usize, &str); 2] = [(0, "MP4"), (1, "MKV")];
const GOOD: usize = 2;
/// Frames before anything happens: a recording has a past to reach into.
const BEFORE: u64 = 3 * FPS as u64;
/// Frames that may lack between two looks at the live pipelines: half a second, for a machine with two busy cores. A
/// pipeline that waits for a disk lacks all frames of some seconds.
const JITTER: u64 = FPS as u64 / 2;
/// Memory that a process with trouble may take beyond what it had before, all its caches included.
const MEMORY_KIB: u64 = 32 << 10;

/// A victim on a bad and on a good disk.
struct Trial {
    victim: Victim,
    tally: Tally,
    before: [Progress; 3],
    _good: Guard,
}

impl Trial {
    /// Starts it, and three sessions: one for each container on the bad disk, and one on the good one that spans all.
    fn start(plan: &Plan, bad: &Path, max_pending: Option<usize>, on: f64) -> Result<Self, Error> {
        let (good, guard) = folder()?;
        let mut recorders = vec![plan.recorder(bad, false), plan.recorder(bad, true), plan.recorder(&good, false)];
        for recorder in &mut recorders[..2] {
            recorder.max_pending = max_pending;
            if max_pending.is_some() {
                // What is cached anyway does not count as pending.
                recorder.cache = Duration::from_secs(1);
            }
        }
        let mut victim = Victim::start(&recorders)?;
        for recorder in 0..3 {
            victim.wait_for_frames(recorder, BEFORE, HANG_GUARD)?;
        }
        let before = [0, 1, 2].map(|recorder| victim.newest(recorder));
        victim.start_session(GOOD, 2.0, 600.0, "good")?;
        for (recorder, container) in BAD {
            victim.start_session(recorder, 2.0, on, container)?;
        }
        Ok(Self { victim, tally: Tally::default(), before, _good: guard })
    }

    /// The sessions on the bad disk fail with one of these reasons, and what was written plays.
    fn expect_failures(&mut self, reasons: &[&str], is_kept: bool) -> Result<(), Error> {
        for (_, container) in BAD {
            let (is_done, record) = self.victim.end_of(container, HANG_GUARD)?;
            self.tally.add(container, judge_failed(is_done, &record, reasons, is_kept));
        }
        Ok(())
    }

    /// A session of each container on the bad disk, now that it is good again, is done and whole.
    fn expect_recovery(&mut self) -> Result<(), Error> {
        for (recorder, container) in BAD {
            self.victim.start_session(recorder, 1.0, 1.0, &format!("{container} afterwards"))?;
        }
        for (_, container) in BAD {
            let id = format!("{container} afterwards");
            let (is_done, record) = self.victim.end_of(&id, HANG_GUARD)?;
            self.tally.add(&id, judge_done(is_done, &record));
        }
        Ok(())
    }

    /// The good session is whole; no live pipeline has waited; memory has not grown without bound.
    fn finish(mut self) -> Result<[Tally; 1], Error> {
        self.victim.catch_up();
        let mut faults = Vec::new();
        let after = [0, 1, 2].map(|recorder| self.victim.newest(recorder));
        for recorder in 0..3 {
            let (before, after) = (self.before[recorder], after[recorder]);
            let due = (after.at_ns - before.at_ns) * u64::from(FPS) / 1_000_000_000;
            let came = after.frames - before.frames;
            if came + JITTER < due {
                faults.push(format!("recorder {recorder} got {came} frames of the {due} that were due"));
            }
        }
        self.tally.add("the live pipelines", all(faults));

        let start = self.before[0].resident_kib;
        let most = self.victim.all_progress(0).map(|progress| progress.resident_kib).max().unwrap_or(u64::MAX);
        let grown = most.saturating_sub(start);
        let bounded = if grown <= MEMORY_KIB { Ok(()) } else { Err(format!("grew by {grown} KiB")) };
        self.tally.add("the memory of the process", bounded);

        self.victim.tell(&crate::victim::Command::Stop { recorder: GOOD })?;
        let (is_done, record) = self.victim.end_of("good", HANG_GUARD)?;
        self.tally.add("the session on the good disk", judge_done(is_done, &record));
        let longest = after.iter().map(|progress| progress.longest).max().unwrap_or_default();
        self.tally.note(format!(
            "a frame was inside a recordbin for {:.1} ms at most; memory grew by {} MiB",
            longest.as_secs_f64() * 1e3,
            grown >> 10
        ));
        self.victim.quit()?;
        Ok([self.tally])
    }
}

/// A failed record with a reason of the system, and a file that plays.
fn judge_failed(is_done: bool, record: &Value, reasons: &[&str], is_kept: bool) -> Result<(), String> {
    if is_done {
        return Err("it is done, on a disk that takes nothing".into());
    }
    let mut faults = Vec::new();
    let reason = record["reason"].as_str().unwrap_or_default();
    if !reasons.iter().any(|expected| reason.contains(expected)) {
        faults.push(format!("its reason is '{reason}', which does not say '{}'", reasons.join("' or '")));
    }
    match record["file"].as_str().map(Path::new) {
        None if is_kept => faults.push("its record names no file".into()),
        None => {}
        Some(path) if !path.exists() => faults.push(format!("its file is not there: {}", path.display())),
        Some(path) => {
            if let Err(reason) = unbroken(path) {
                faults.push(format!("what was kept of it: {reason}"));
            }
        }
    }
    all(faults)
}

/// A disk without room, on a tmpfs or an ext4.
pub fn full(plan: &Plan, volume: &Volume) -> Result<[Tally; 1], Error> {
    let recordings = subfolder(&volume.path, "recordings")?;
    let mut trial = Trial::start(plan, &recordings, None, 600.0)?;
    trial.expect_failures(&["No space left"], true)?;
    volume.make_room()?;
    trial.expect_recovery()?;
    trial.finish()
}

/// A disk that becomes read-only while it is written to.
pub fn read_only(plan: &Plan) -> Result<[Tally; 1], Error> {
    let volume = Volume::ext4()?;
    let recordings = subfolder(&volume.path, "recordings")?;
    let mut trial = Trial::start(plan, &recordings, None, 600.0)?;
    wait_for_more_frames(&mut trial, 2 * u64::from(FPS))?;
    volume.break_it()?;
    // A write says the one. Where what is written before is made durable first, its journal has gone: ext4 says the other.
    trial.expect_failures(&["Read-only file system", "Input/output error"], true)?;
    trial.finish()
}

/// A folder that is removed while recordings run in it, and comes back.
pub fn folder_removed(plan: &Plan) -> Result<[Tally; 1], Error> {
    let (outer, _guard) = folder()?;
    let recordings = subfolder(&outer, "recordings")?;
    let mut trial = Trial::start(plan, &recordings, None, 4.0)?;
    wait_for_more_frames(&mut trial, u64::from(FPS))?;
    std::fs::remove_dir_all(&recordings).map_err(|e| Error::io("remove a folder", &recordings, e))?;
    // There is nothing to keep: whoever removed the folder removed the files.
    trial.expect_failures(&["No such file or directory"], false)?;
    subfolder(&outer, "recordings")?;
    trial.expect_recovery()?;
    trial.finish()
}

/// More than the quota allows.
pub fn quota(plan: &Plan) -> Result<[Tally; 1], Error> {
    let volume = Volume::with_quota(256)?;
    let recordings = subfolder(&volume.path, "quota/recordings")?;
    let mut trial = Trial::start(plan, &recordings, None, 600.0)?;
    trial.expect_failures(&["Disk quota exceeded", "Quota exceeded"], true)?;
    trial.finish()
}

/// A disk that hangs for a while: nothing fails and nothing is lost.
pub fn hang(plan: &Plan) -> Result<[Tally; 1], Error> {
    let volume = Volume::ext4()?;
    let recordings = subfolder(&volume.path, "recordings")?;
    // These end while it hangs.
    let mut trial = Trial::start(plan, &recordings, None, 5.0)?;
    wait_for_more_frames(&mut trial, u64::from(FPS))?;
    let hang = volume.hang()?;
    for (recorder, container) in BAD {
        // Begins while it hangs, and ends after it.
        let on = plan.hang().as_secs_f64() + 3.0;
        trial.victim.start_session(recorder, 2.0, on, &format!("{container} meanwhile"))?;
    }
    // The trouble itself takes this long.
    wait_for_more_frames(&mut trial, plan.hang().as_secs() * u64::from(FPS))?;
    drop(hang);
    for (_, container) in BAD {
        for id in [container.to_owned(), format!("{container} meanwhile")] {
            let (is_done, record) = trial.victim.end_of(&id, HANG_GUARD)?;
            trial.tally.add(&id, judge_done(is_done, &record));
        }
    }
    trial.finish()
}

/// A disk that hangs while more waits for it than may: the sessions fail at once, and do not wait for the disk.
pub fn hang_limit(plan: &Plan) -> Result<[Tally; 1], Error> {
    let volume = Volume::ext4()?;
    let recordings = subfolder(&volume.path, "recordings")?;
    let mut trial = Trial::start(plan, &recordings, Some(64 << 10), 600.0)?;
    wait_for_more_frames(&mut trial, 2 * u64::from(FPS))?;
    let hang = volume.hang()?;
    let mut ends = Vec::new();
    for (_, container) in BAD {
        ends.push((container, trial.victim.end_of(container, plan.hang().max(Duration::from_secs(15)))));
    }
    drop(hang);
    for (container, end) in ends {
        let result = match end {
            Err(Error::Victim(_)) => Err("it did not fail while the disk hung".to_owned()),
            Err(error) => return Err(error),
            Ok((is_done, record)) => judge_failed(is_done, &record, &["the disk cannot keep up"], true),
        };
        trial.tally.add(container, result);
    }
    trial.finish()
}

/// Waits by the frames of the good recorder: they are what time is counted in here.
fn wait_for_more_frames(trial: &mut Trial, frames: u64) -> Result<(), Error> {
    let frames = trial.victim.newest(GOOD).frames + frames;
    trial.victim.wait_for_frames(GOOD, frames, HANG_GUARD)
}
