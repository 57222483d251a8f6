//! SIGKILL at random moments: every recording plays at once, lacks at most the last second of what had reached the
//! engine, and is finished by the next start on its folder.
//! The same through a graph and its codelet is left to `graph`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use recorder::file_name::sidecar;
use serde_json::Value;
use testbed::{DirWatch, HANG_GUARD};

use crate::camera::{FPS, GOP};
use crate::handle::Victim;
use crate::plan::Plan;
use crate::recording::{files, is_ordinary, judge_done, names, unbroken};
use crate::table::{Tally, all};
use crate::victim::{Command, clock_ns};
use crate::{Error, system};

/// A crash may lose this much of what had reached the engine (design.md, rule 6).
const LOSS_NS: u64 = 1_000_000_000;
/// What a start on a folder with a dozen leftovers may take: a guard, no measure.
const RECOVERY_GUARD: Duration = Duration::from_secs(30);

/// A recording that was not finished when its process was killed.
struct Leftover {
    /// Its temporary name.
    part: PathBuf,
    /// What plays of it; an error says why it does not.
    frames: Result<RangeInclusive<u32>, String>,
    /// It may be empty: too young to hold anything.
    is_young: bool,
    is_empty: bool,
}

/// Kills recordings of one container. Two tallies: what plays after the kill, and what the next start makes of it.
pub fn run(plan: &Plan, mkv: bool) -> Result<[Tally; 2], Error> {
    let mut random = Rng::with_seed(plan.seed.wrapping_add(u64::from(mkv)));
    let (mut plays, mut recovered) = (Tally::default(), Tally::default());
    let mut killed = 0;
    while killed < plan.killed() {
        let (folder, _guard) = system::folder()?;
        let sessions = plan.at_once().min(plan.killed() - killed);
        let leftovers = kill(plan, mkv, &folder, sessions, &mut random, &mut plays)?;
        killed += sessions;
        let mut victim = Victim::start(&[plan.recorder(&folder, mkv)])?;
        let parts: Vec<_> = leftovers.iter().map(|leftover| leftover.part.clone()).collect();
        wait_until_gone(&folder, &parts);
        victim.quit()?;
        judge_recovered(&folder, &leftovers, &mut recovered);
    }
    Ok([plays, recovered])
}

/// A start on a folder finishes what a dead process has left there, and keeps its hands off what a living one writes.
pub fn other_process(plan: &Plan) -> Result<[Tally; 1], Error> {
    let mut tally = Tally::default();
    for mkv in [false, true] {
        let (folder, _guard) = system::folder()?;
        let mut living = Victim::start(&[plan.recorder(&folder, mkv)])?;
        living.wait_for_frames(0, 2 * u64::from(GOP), HANG_GUARD)?;
        living.start_session(0, 1.0, 600.0, "living")?;
        let mut dead = Victim::start(&[plan.recorder(&folder, mkv)])?;
        dead.wait_for_frames(0, 2 * u64::from(GOP), HANG_GUARD)?;
        dead.start_session(0, 1.0, 600.0, "dead")?;
        dead.wait_for_frames(0, 4 * u64::from(GOP), HANG_GUARD)?;
        let process = format!("_{}.", dead.id());
        dead.kill()?;
        let left = names(&folder).into_iter().filter(|name| name.contains(&process) && is_media_part(name));
        let left: Vec<_> = left.map(|name| folder.join(name)).collect();

        let mut third = Victim::start(&[plan.recorder(&folder, mkv)])?;
        wait_until_gone(&folder, &left);
        third.quit()?;
        let container = if mkv { "MKV" } else { "MP4" };
        match left.as_slice() {
            [part] => tally.add(&format!("{container} of the dead"), judge_finished(&part.with_extension(""), None)),
            others => tally.add(container, Err(format!("the dead process has left {} files", others.len()))),
        }
        living.tell(&Command::Stop { recorder: 0 })?;
        let (is_done, record) = living.end_of("living", HANG_GUARD)?;
        tally.add(&format!("{container} of the living"), judge_done(is_done, &record));
        living.quit()?;
    }
    Ok([tally])
}

/// One victim: starts sessions, kills it, and looks at what is there.
fn kill(
    plan: &Plan,
    mkv: bool,
    folder: &Path,
    sessions: usize,
    random: &mut Rng,
    tally: &mut Tally,
) -> Result<Vec<Leftover>, Error> {
    let mut victim = Victim::start(&[plan.recorder(folder, mkv)])?;
    let mut frames = random.u64(5..90);
    let mut started = Vec::new();
    for number in 0..sessions {
        frames += random.u64(0..20);
        victim.wait_for_frames(0, frames, HANG_GUARD)?;
        victim.start_session(0, random.f64() * 5.0, 600.0, &format!("crash {number}"))?;
        started.push(clock_ns());
    }
    victim.wait_for_frames(0, frames + random.u64(0..120), HANG_GUARD)?;
    // Not just after a frame or a line of progress: at any moment.
    std::thread::sleep(Duration::from_micros(random.u64(0..50_000)));
    let at = victim.kill()?;
    let must_have = victim.progress_at(0, at.saturating_sub(LOSS_NS)).frames;
    let newest = victim.newest(0).frames;

    // The counter in their names is in the order of their starts.
    let parts: Vec<_> = names(folder).into_iter().filter(|name| is_media_part(name)).collect();
    let mut leftovers = Vec::new();
    for (number, started) in started.into_iter().enumerate() {
        let is_young = started > at.saturating_sub(LOSS_NS);
        let what = format!("session {number} of {sessions}, killed at frame {newest}");
        let Some(name) = parts.get(number) else {
            let result = if is_young { Ok(()) } else { Err("there is no file".into()) };
            tally.add(&what, result);
            continue;
        };
        let part = folder.join(name);
        let is_empty = part.metadata().is_ok_and(|metadata| metadata.len() == 0);
        let frames = if is_empty { Err("it is empty".to_owned()) } else { unbroken(&part) };
        tally.add(&what, judge_leftover(&frames, must_have, is_young));
        leftovers.push(Leftover { part, frames, is_young, is_empty });
    }
    Ok(leftovers)
}

fn judge_leftover(frames: &Result<RangeInclusive<u32>, String>, must_have: u64, is_young: bool) -> Result<(), String> {
    match frames {
        Err(_) if is_young => Ok(()),
        Err(reason) => Err(reason.clone()),
        Ok(frames) => {
            let mut faults = Vec::new();
            // Frame n is the (n + 1)th.
            let has = u64::from(*frames.end()) + 1;
            if has < must_have && !is_young {
                let short = (must_have - has) as f64 / f64::from(FPS);
                faults.push(format!(
                    "it has frames {} to {}, and frame {} had reached the engine a second before the kill: {short:.2} s \
                     more than the last second are lost",
                    frames.start(),
                    frames.end(),
                    must_have - 1
                ));
            }
            if frames.start() % GOP != 0 {
                faults.push(format!("it begins with frame {}, which is no keyframe", frames.start()));
            }
            all(faults)
        }
    }
}

/// `<name>.mp4.part`, not `<name>.mp4.json.part`.
pub fn is_media_part(name: &str) -> bool {
    name.ends_with(".mp4.part") || name.ends_with(".mkv.part")
}

/// Waits until none of `parts` is there; what is there after the guard is judged as it is.
pub fn wait_until_gone(folder: &Path, parts: &[PathBuf]) {
    let gone = || parts.iter().all(|part| !part.exists()).then_some(());
    // That it did not happen shows in the judgement, with names.
    drop(DirWatch::new(folder).and_then(|watch| watch.wait_for("the end of the recovery", RECOVERY_GUARD, gone)));
}

fn judge_recovered(folder: &Path, leftovers: &[Leftover], tally: &mut Tally) {
    let mut expected = Vec::new();
    for leftover in leftovers {
        let part = leftover.part.display().to_string();
        let final_path = leftover.part.with_extension("");
        let may_be_dropped = leftover.is_empty || (leftover.is_young && leftover.frames.is_err());
        if may_be_dropped && !final_path.exists() {
            let gone = if leftover.part.exists() { Err("still there".into()) } else { Ok(()) };
            tally.add(&format!("{part}, without content"), gone);
            continue;
        }
        tally.add(&part, judge_finished(&final_path, leftover.frames.as_ref().ok()));
        expected.extend([final_path.clone(), sidecar(&final_path)]);
    }
    let expected: Vec<_> = expected.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let more: Vec<_> = names(folder).into_iter().filter(|name| !expected.contains(&name.as_str())).collect();
    if !more.is_empty() {
        tally.add("the folder", Err(format!("also holds {}", more.join(", "))));
    }
}

/// A recovered recording: an ordinary file with a sidecar, and all frames that it had before.
pub fn judge_finished(path: &Path, before: Option<&RangeInclusive<u32>>) -> Result<(), String> {
    let (frames, mut faults) = judge_media(path, before)?;
    match read_json(&sidecar(path)) {
        Err(reason) => faults.push(format!("its sidecar: {reason}")),
        Ok(record) => {
            if record["recovered"] != true {
                faults.push("its sidecar does not say \"recovered\": true".into());
            }
            let written = files(&record).first().and_then(|(_, frames)| *frames);
            let there = frames.map(|frames| frames.count() as u64);
            if there.is_some() && written != there {
                faults.push(format!("its sidecar says {written:?} frames, it has {there:?}"));
            }
        }
    }
    all(faults)
}

/// The same of one that was killed before its journal was there: it has no sidecar to be.
pub fn judge_unnoted(path: &Path, before: Option<&RangeInclusive<u32>>) -> Result<(), String> {
    judge_media(path, before).and_then(|(_, faults)| all(faults))
}

/// The frames of a finished file, if they can be told, and what is wrong with it.
type Judged = (Option<RangeInclusive<u32>>, Vec<String>);

fn judge_media(path: &Path, before: Option<&RangeInclusive<u32>>) -> Result<Judged, String> {
    if !path.exists() {
        return Err("it has not got its name".into());
    }
    let mut faults = Vec::new();
    faults.extend(is_ordinary(path).err());
    let frames = unbroken(path);
    match (&frames, before) {
        (Err(reason), _) => faults.push(reason.clone()),
        (Ok(now), Some(before)) if now != before => faults.push(format!(
            "it has frames {} to {}, and had {} to {} before its recovery",
            now.start(),
            now.end(),
            before.start(),
            before.end()
        )),
        _ => {}
    }
    Ok((frames.ok(), faults))
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}
