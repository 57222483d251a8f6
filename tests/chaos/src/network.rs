//! A camera that is killed and comes back, whose network is cut, or that sends nothing for a while: the source comes
//! back, and a session that runs meanwhile has one record, with the gap in it and frames after it.
//! Cameras are left to `camera`, judging each file to `recording`.

use std::time::Duration;

use serde_json::Value;
use testbed::HANG_GUARD;

use crate::Error;
use crate::camera::{Camera, FPS, GOP};
use crate::handle::Victim;
use crate::plan::{CACHE, Plan};
use crate::recording::{files, packets, with_gaps};
use crate::system::{call, folder, need, need_program, need_root, random_name};
use crate::table::{Tally, all};
use crate::undo::Guard;
use crate::victim::{Command, RecorderPlan};

/// Frames before and after the trouble: several GOPs, so that both sides have keyframes.
const ENOUGH: u64 = 3 * GOP as u64;
/// Pause between two tries to reach a lost source.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a source may take to come back: a guard, no measure.
const RETURN_GUARD: Duration = Duration::from_secs(60);

/// A server that is killed and restarted on its port.
pub fn server_restart(plan: &Plan) -> Result<[Tally; 1], Error> {
    let camera = Camera::start(None, "127.0.0.1", 0)?;
    let (url, port) = (camera.url.clone(), camera.port);
    trial(&url, plan.cut(), |_| {
        camera.kill()?;
        // The trouble itself takes this long.
        std::thread::sleep(plan.cut());
        Camera::start(None, "127.0.0.1", port)
    })
}

/// A camera that keeps its connection and sends no picture.
pub fn silence(plan: &Plan) -> Result<[Tally; 1], Error> {
    let mut camera = Camera::start(None, "127.0.0.1", 0)?;
    let url = camera.url.clone();
    trial(&url, plan.hang(), |_| {
        camera.set_silent(true)?;
        // The trouble itself takes this long.
        std::thread::sleep(plan.hang());
        camera.set_silent(false)?;
        Ok(camera)
    })
}

/// A network that is cut and restored: the camera is in a namespace of its own.
pub fn cut(plan: &Plan) -> Result<[Tally; 1], Error> {
    let network = Network::new()?;
    let camera = Camera::start(Some(&network.namespace), &network.inside, 0)?;
    let url = camera.url.clone();
    trial(&url, plan.cut(), |_| {
        call(&["ip", "link", "set", &network.link, "down"])?;
        // The trouble itself takes this long.
        std::thread::sleep(plan.cut());
        call(&["ip", "link", "set", &network.link, "up"])?;
        Ok(camera)
    })
}

/// Records across a trouble, over UDP as the engine chooses.
fn trial(
    url: &str,
    length: Duration,
    trouble: impl FnOnce(&mut Victim) -> Result<Camera, Error>,
) -> Result<[Tally; 1], Error> {
    let (dir, _guard) = folder()?;
    let recorders = [false, true].map(|mkv| RecorderPlan {
        source: url.to_owned(),
        dir: dir.clone(),
        mkv,
        max_pending: None,
        cache: CACHE,
        reconnect: Some(RECONNECT),
    });
    let names = ["MP4", "MKV"];
    let mut victim = Victim::start(&recorders)?;
    for (recorder, name) in names.iter().enumerate() {
        victim.wait_for_frames(recorder, ENOUGH, HANG_GUARD)?;
        victim.start_session(recorder, 1.0, 600.0, name)?;
    }
    for recorder in 0..names.len() {
        let frames = victim.newest(recorder).frames + ENOUGH;
        victim.wait_for_frames(recorder, frames, HANG_GUARD)?;
    }
    // Kept until all is judged.
    let _camera = trouble(&mut victim)?;
    victim.catch_up();
    let mut tally = Tally::default();
    for (recorder, name) in names.iter().enumerate() {
        let came = victim.newest(recorder).frames;
        let back = victim.wait_for_frames(recorder, came + 2 * ENOUGH, RETURN_GUARD);
        let back = back.map_err(|error| format!("does not come back: {error}"));
        tally.add(&format!("the source of the {name} recorder"), back);
    }
    for (recorder, name) in names.iter().enumerate() {
        victim.tell(&Command::Stop { recorder })?;
        let (is_done, record) = victim.end_of(name, HANG_GUARD)?;
        tally.add(&format!("the {name} session"), judge(is_done, &record, length));
        let ends = victim.told.iter().filter(|line| line["id"] == *name && line.get("record").is_some()).count();
        if ends != 1 {
            tally.add(&format!("the {name} session's records"), Err(format!("there are {ends}")));
        }
    }
    victim.quit()?;
    Ok([tally])
}

/// One done record with the gap in it, and enough frames on both sides of it.
fn judge(is_done: bool, record: &Value, length: Duration) -> Result<(), String> {
    if !is_done {
        return Err(format!("failed: {}", record["reason"]));
    }
    let mut faults = Vec::new();
    let gaps = record["gap-count"].as_u64().unwrap_or(0);
    if gaps == 0 {
        faults.push("its record has no gap".into());
    }
    let widest = record["gaps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|gap| Some(gap["until-running-ns"].as_i64()? - gap["after-running-ns"].as_i64()?));
    let widest = Duration::from_nanos(widest.max().unwrap_or(0).try_into().unwrap_or(0));
    // What was on its way when the trouble came, and a GOP until a file can go on.
    if widest + Duration::from_secs(1) < length {
        faults.push(format!(
            "its widest gap is {:.1} s, the trouble took {} s",
            widest.as_secs_f64(),
            length.as_secs()
        ));
    }
    let files = files(record);
    if files.is_empty() {
        faults.push("its record names no file".into());
    }
    let (mut all_runs, mut damaged) = (Vec::new(), 0);
    for (path, written) in &files {
        match packets(path) {
            Ok(packets) if Some(packets) == *written => {}
            Ok(packets) => faults.push(format!("{} has {packets} frames of {written:?}", path.display())),
            Err(reason) => faults.push(reason),
        }
        match with_gaps(path) {
            Ok(found) => {
                all_runs.extend(found.runs);
                damaged += found.damaged;
            }
            Err(reason) => faults.push(reason),
        }
    }
    if damaged > gaps * u64::from(GOP) {
        faults.push(format!("{damaged} frames are damaged, more than a GOP at each of {gaps} gaps"));
    }
    let lengths: Vec<_> = all_runs.iter().map(|run| run.clone().count() as u64).collect();
    if lengths.len() as u64 > gaps + 1 {
        faults.push(format!("its frames come in {} runs ({all_runs:?}), its record has {gaps} gaps", lengths.len()));
    }
    let is_enough = |length: Option<&u64>| length.is_some_and(|length| *length >= ENOUGH / 2);
    if lengths.len() < 2 || !is_enough(lengths.first()) || !is_enough(lengths.last()) {
        faults.push(format!("there are too few frames before or after the gap: {lengths:?} at {FPS} fps"));
    }
    all(faults)
}

/// A network namespace with one cable to it.
struct Network {
    namespace: String,
    /// Our end of the cable.
    link: String,
    /// The address at the other end.
    inside: String,
    // Undone in this order; the cable goes with the namespace, or by itself.
    _link: Guard,
    _namespace: Guard,
}

impl Network {
    fn new() -> Result<Self, Error> {
        need_root()?;
        need_program("ip", "iproute2")?;
        let (namespace, link) = (random_name(), random_name());
        let peer = format!("{link}p");
        // 198.18.0.0/15 is for tests of networks (RFC 2544); a /30 of it is one cable.
        let (third, fourth) = (fastrand::u8(..), fastrand::u8(..) & 0xfc);
        let outside = format!("198.18.{third}.{}", fourth + 1);
        let inside = format!("198.18.{third}.{}", fourth + 2);
        let undo_namespace = Guard::call(&["ip", "netns", "del", &namespace]);
        let undo_link = Guard::call(&["ip", "link", "del", &link]);
        need(&["ip", "netns", "add", &namespace], "no network namespace can be made")?;
        let add = ["ip", "link", "add", &link, "type", "veth", "peer", "name", &peer, "netns", &namespace];
        need(&add, "no veth pair can be made")?;
        call(&["ip", "addr", "add", &format!("{outside}/30"), "dev", &link])?;
        call(&["ip", "link", "set", &link, "up"])?;
        for words in [
            &["addr", "add", &format!("{inside}/30"), "dev", &peer][..],
            &["link", "set", &peer, "up"],
            &["link", "set", "lo", "up"],
        ] {
            call(&[&["ip", "-n", &namespace], words].concat())?;
        }
        Ok(Self { namespace, link, inside, _link: undo_link, _namespace: undo_namespace })
    }
}
