//! What the control groups of this process allow it (version 2, as systemd and containers have it).
//! What there is beside them, and what follows from a limit, is left to whoever asks.

use std::path::Path;

/// The least limit of the process's own group and of those around it, of what `file` is about (`memory.max` in bytes,
/// `pids.max` in threads). A service's own group often has no limit, while the slice that it is in has one. `None` where
/// no group has one, or the system does not say. Reads files.
pub fn limit(file: &str) -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    least(&own, Path::new("/sys/fs/cgroup"), file)
}

/// The same of the group that `own` names, as /proc/self/cgroup does.
fn least(own: &str, root: &Path, file: &str) -> Option<u64> {
    let group = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // The text "max" is no limit.
    let limit = |group: &Path| std::fs::read_to_string(root.join(group).join(file)).ok()?.trim().parse().ok();
    Path::new(group).ancestors().filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_around_holds() {
        let root = testbed::temp_dir().unwrap();
        let service = root.path().join("a.slice/b.service");
        std::fs::create_dir_all(&service).unwrap();
        let own = "1:cpu:/x\n0::/a.slice/b.service\n";
        assert_eq!(least(own, root.path(), "memory.max"), None);
        std::fs::write(service.join("memory.max"), "max\n").unwrap();
        std::fs::write(root.path().join("a.slice/memory.max"), "5000\n").unwrap();
        assert_eq!(least(own, root.path(), "memory.max"), Some(5_000));
        std::fs::write(service.join("memory.max"), "4000\n").unwrap();
        assert_eq!(least(own, root.path(), "memory.max"), Some(4_000));
        // As a container sees it.
        std::fs::write(root.path().join("memory.max"), "3000\n").unwrap();
        assert_eq!(least("0::/\n", root.path(), "memory.max"), Some(3_000));
        assert_eq!(least("4:memory:/y\n", root.path(), "memory.max"), None);
    }
}
