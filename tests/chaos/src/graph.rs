//! The crash of a whole graph: `smart-record gxe` is killed while it records, and the codelet's next start finishes
//! what it finds in its folder.
//! Random moments and what had reached the engine are left to `crash`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use testbed::{DirWatch, HANG_GUARD, Program};

use crate::crash::{is_media_part, judge_finished, judge_unnoted, wait_until_gone};
use crate::plan::Plan;
use crate::recording::{names, unbroken};
use crate::table::{Tally, all};
use crate::{Error, system};

/// Recordings that run when the graph is killed: one begins every two seconds.
const RUNNING: usize = 3;

/// Kills and restarts graphs of both containers.
pub fn run(plan: &Plan) -> Result<[Tally; 1], Error> {
    let mut tally = Tally::default();
    for (container, number) in [("MP4", 0), ("MKV", 1)] {
        let (folder, _guard) = system::folder()?;
        let recordings = system::subfolder(&folder, "recordings")?;
        let command = graph(plan, &folder, &recordings, number)?;
        let (killed, names_then) = kill(command.command(), &recordings)?;
        let before: Vec<_> = names_then.iter().map(|name| (name, unbroken(&recordings.join(name)))).collect();
        let noted: Vec<_> =
            names_then.iter().map(|name| recordings.join(name).with_extension("json.part").exists()).collect();

        let mut again = Program::start(&mut command.command())?;
        let parts: Vec<_> = names_then.iter().map(|name| recordings.join(name)).collect();
        wait_until_gone(&recordings, &parts);
        again.interrupt()?;
        let status = again.wait(HANG_GUARD)?;
        if !status.success() {
            tally.add(container, Err(format!("the second graph ended with {status}")));
        }
        for (index, (name, frames)) in before.iter().enumerate() {
            let is_youngest = index + 1 == before.len();
            let what = format!("{container} of process {killed}: {name}");
            let path = recordings.join(name).with_extension("");
            let mut faults = Vec::new();
            match frames {
                // Its process was killed in its first second: it may be empty, and then go.
                Err(_) if is_youngest && !path.exists() && !recordings.join(name).exists() => {}
                Err(reason) if !is_youngest => faults.push(format!("after the kill it {reason}")),
                // It was killed as soon as its file was there: its journal may not have been.
                Ok(frames) if is_youngest && !noted[index] => faults.extend(judge_unnoted(&path, Some(frames)).err()),
                _ => faults.extend(judge_finished(&path, frames.as_ref().ok()).err()),
            }
            tally.add(&what, all(faults));
        }
    }
    Ok([tally])
}

/// Starts the graph, kills it when enough recordings run, and returns its process id and what it was writing.
fn kill(mut command: Command, recordings: &Path) -> Result<(u32, Vec<String>), Error> {
    let watch = DirWatch::new(recordings)?;
    let mut program = Program::start(&mut command)?;
    let parts = || names(recordings).into_iter().filter(|name| is_media_part(name)).collect::<Vec<_>>();
    let running = watch.wait_for("running recordings", HANG_GUARD, || (parts().len() >= RUNNING).then_some(()));
    if let Err(error) = running {
        // Whatever is wrong, the graph has said it.
        program.signal(Signal::KILL)?;
        program.wait(HANG_GUARD)?;
        return Err(Error::setup("run a graph", format!("{error}\n{}", program.seen().join("\n"))));
    }
    let id = program.id();
    program.signal(Signal::KILL)?;
    program.wait(HANG_GUARD)?;
    Ok((id, parts()))
}

/// How the graph is run.
struct Graph {
    runner: PathBuf,
    graph: PathBuf,
    manifest: PathBuf,
}

impl Graph {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.runner);
        command.args(["gxe", "-app"]).arg(&self.graph).arg("-manifest").arg(&self.manifest);
        command.current_dir(repository()).stdin(Stdio::null()).env_remove("GXF_LOG_LEVEL");
        command
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Writes a graph of local events: each recording begins a second before its event and does not end.
fn graph(plan: &Plan, folder: &Path, recordings: &Path, container: u32) -> Result<Graph, Error> {
    let own = std::env::current_exe().map_err(|e| Error::io("find this program", "chaos", e))?;
    let built = own.parent().map(Path::to_owned).unwrap_or_default();
    let part = |folder: &Path, name: &str| {
        let path = folder.join(name);
        match path.is_file() {
            true => Ok(path),
            false => Err(Error::Missing(format!("{} is missing: run `make chaos`, which builds it", path.display()))),
        }
    };
    let runner = part(&built, "smart-record")?;
    let extension = part(&built, "libgxf_nvds_smart_record.so")?;
    let gxf_std = part(&repository().join(".gxf/lib"), "libgxf_std.so")?;
    let source = plan.source().display();
    let recordings = recordings.display();
    let graph = format!(
        "%YAML 1.2\n---\nname: recorder\ncomponents:\n- name: smart_record\n  \
         type: nvidia::deepstream::NvDsSmartRecord\n  parameters:\n    uri-list: 'file://{source}'\n    \
         smart-record: 2\n    smart-rec-cache: 10\n    smart-rec-start-time: 1\n    smart-rec-duration: 600\n    \
         smart-rec-interval: 2\n    smart-rec-container: {container}\n    smart-rec-dir-path: '{recordings}'\n\
         - name: wake\n  type: nvidia::gxf::AsynchronousSchedulingTerm\n---\nname: scheduler\ncomponents:\n\
         - name: clock\n  type: nvidia::gxf::RealtimeClock\n- name: scheduler\n  \
         type: nvidia::gxf::EventBasedScheduler\n  parameters:\n    clock: clock\n    stop_on_deadlock: false\n"
    );
    let manifest = format!("extensions:\n- '{}'\n- '{}'\n", gxf_std.display(), extension.display());
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Error::io("write a graph", &path, e))?;
        Ok::<_, Error>(path)
    };
    Ok(Graph { runner, graph: write("graph.yaml", graph)?, manifest: write("manifest.yaml", manifest)? })
}
