//! What this machine allows a process, and which of it ends first as sources are added.
//! What a source takes is measured by the benchmark.

use recorder::control_group;

/// Microseconds of processor time per second, bytes, threads or files: what there is, or what a source takes of it.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// Microseconds of processor time in a second.
    pub processors: f64,
    /// Bytes.
    pub memory: f64,
    /// Threads.
    pub threads: f64,
    /// Open files.
    pub files: f64,
}

impl Resources {
    /// What this process may have now. Unreadable or unlimited: infinite.
    pub fn of_the_machine() -> Self {
        let number = |text: &str| text.trim().parse().unwrap_or(f64::INFINITY);
        let read = |file: &str| std::fs::read_to_string(file).map_or(f64::INFINITY, |text| number(&text));
        let in_table = |file: &str, line: &str, column: usize| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let value = text.lines().find_map(|text| text.strip_prefix(line)?.split_whitespace().nth(column));
            value.map_or(f64::INFINITY, number)
        };
        let own = |line: &str| in_table("/proc/self/limits", line, 0);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = [
            own("Max processes"),
            read("/proc/sys/kernel/threads-max"),
            read("/proc/sys/kernel/pid_max"),
            control_group::limit("pids.max").map_or(f64::INFINITY, |threads| threads as f64),
        ];
        Self {
            processors: cores as f64 * 1e6,
            memory: in_table("/proc/meminfo", "MemAvailable:", 0) * 1_024.0,
            threads: threads.into_iter().fold(f64::INFINITY, f64::min),
            files: own("Max open files"),
        }
    }

    /// By name.
    fn each(self) -> [(&'static str, f64); 4] {
        [("processors", self.processors), ("memory", self.memory), ("threads", self.threads), ("files", self.files)]
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            processors: self.processors + other.processors,
            memory: self.memory + other.memory,
            threads: self.threads + other.threads,
            files: self.files + other.files,
        }
    }

    /// So many sources that take `each` go into this, by each resource that they take and that has an end; the first
    /// limit first.
    pub fn hold(self, each: Self) -> Vec<(&'static str, f64)> {
        let held =
            self.each().into_iter().zip(each.each()).filter(|((_, all), (_, one))| all.is_finite() && *one > 0.0);
        let mut held: Vec<_> = held.map(|((name, all), (_, one))| (name, all / one)).collect();
        held.sort_by(|one, other| one.1.total_cmp(&other.1));
        held
    }
}
