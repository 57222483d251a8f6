//! `make chaos`: crashes, disk trouble and network trouble on this machine, and a table of what was kept and lost.
//! Exit status: 0 only if every case ran (or was allowed to be missing, by name) and nothing was lost.
//! What is promised is in design.md; each case is in the file of its trouble.

mod camera;
mod crash;
mod disk;
mod error;
mod graph;
mod handle;
mod meter;
mod network;
mod plan;
mod recording;
mod system;
mod table;
mod undo;
mod victim;
mod volume;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::plan::Plan;
use crate::table::Table;
use crate::volume::Volume;

/// All cases, in the order of the table.
const CASES: [&str; 16] = [
    "crash-mp4-plays",
    "crash-mp4-recovers",
    "crash-mkv-plays",
    "crash-mkv-recovers",
    "crash-other-process",
    "crash-graph",
    "disk-full-tmpfs",
    "disk-full-ext4",
    "disk-read-only",
    "disk-folder-removed",
    "disk-quota",
    "disk-hang",
    "disk-hang-limit",
    "network-server-restart",
    "network-cut",
    "network-silence",
];

/// Tries what the engine promises for crashes, disk trouble and network trouble.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Runs the cases and prints the table
    Run {
        /// A minute or two instead of a quarter of an hour
        #[arg(long)]
        short: bool,
        /// What random moments come from (a random one, and printed)
        #[arg(long)]
        seed: Option<u64>,
        /// Leave the recordings where they are (/tmp/chaos-*), to look at what was lost
        #[arg(long)]
        keep: bool,
        /// Only cases whose names begin with one of these
        cases: Vec<String>,
    },
    /// Records; used by the cases
    #[command(hide = true)]
    Victim {
        /// The recorders, as JSON
        plan: String,
    },
    /// A camera; used by the cases
    #[command(hide = true)]
    Camera {
        /// Address to listen on
        #[arg(long)]
        host: String,
        /// Port to listen on
        #[arg(long)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let result = match Options::parse().part {
        Part::Run { short, seed, keep, cases } => {
            undo::keep_folders(keep);
            run(short, seed, cases)
        }
        Part::Victim { plan } => victim::run(&plan).map(|()| true),
        Part::Camera { host, port } => camera::run(&host, port).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(short: bool, seed: Option<u64>, cases: Vec<String>) -> Result<bool, Error> {
    let allowed = std::env::var("CHAOS_ALLOW_MISSING").unwrap_or_default();
    let allowed: Vec<_> = allowed.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if let Some(unknown) = allowed.iter().find(|name| !CASES.contains(&name.as_str())) {
        let reason = format!("there is no case '{unknown}'; there are {}", CASES.join(", "));
        return Err(Error::setup("CHAOS_ALLOW_MISSING", reason));
    }
    undo::on_signals()?;
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("chaos: {} form, seed {seed}", if short { "short" } else { "full" });
    let plan = Plan::new(short, seed)?;
    let table = Table::new(cases);
    // All at once: they wait for time to pass, and hardly compute.
    std::thread::scope(|scope| {
        for case in ALL {
            let (plan, table) = (&plan, &table);
            scope.spawn(move || case(plan, table));
        }
    });
    let (text, is_good) = table.finish(&CASES, &allowed);
    println!("{text}chaos: {}", if is_good { "passed" } else { "NOT passed" });
    Ok(is_good)
}

/// What fills the rows of the table.
const ALL: [fn(&Plan, &Table); 14] = [
    |plan, table| table.run(["crash-mp4-plays", "crash-mp4-recovers"], || crash::run(plan, false)),
    |plan, table| table.run(["crash-mkv-plays", "crash-mkv-recovers"], || crash::run(plan, true)),
    |plan, table| table.run(["crash-other-process"], || crash::other_process(plan)),
    |plan, table| table.run(["crash-graph"], || graph::run(plan)),
    |plan, table| table.run(["disk-full-tmpfs"], || disk::full(plan, &Volume::tmpfs(DISK_ROOM_KIB)?)),
    |plan, table| {
        table.run(["disk-full-ext4"], || {
            let volume = Volume::ext4()?;
            volume.fill_but(DISK_ROOM_KIB)?;
            disk::full(plan, &volume)
        });
    },
    |plan, table| table.run(["disk-read-only"], || disk::read_only(plan)),
    |plan, table| table.run(["disk-folder-removed"], || disk::folder_removed(plan)),
    |plan, table| table.run(["disk-quota"], || disk::quota(plan)),
    |plan, table| table.run(["disk-hang"], || disk::hang(plan)),
    |plan, table| table.run(["disk-hang-limit"], || disk::hang_limit(plan)),
    |plan, table| table.run(["network-server-restart"], || network::server_restart(plan)),
    |plan, table| table.run(["network-cut"], || network::cut(plan)),
    |plan, table| table.run(["network-silence"], || network::silence(plan)),
];

/// Room on a disk that is to become full: two recordings of some seconds.
const DISK_ROOM_KIB: u64 = 256;
