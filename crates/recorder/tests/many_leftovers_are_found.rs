//! Promise: more leftovers than the process may open files are found all the same.
//! In a process of its own, since it lowers the process's limit of open files.
#![allow(clippy::unwrap_used)]

#[test]
fn more_leftovers_than_open_files_are_found() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let dir = testbed::temp_dir().unwrap();
    for number in 0..200 {
        std::fs::write(dir.path().join(format!("S_{number:05}_20261123-050000_1.mp4.part")), "").unwrap();
    }
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum: before.maximum }).unwrap();
    let found = recorder::recovery::find(dir.path()).map(Iterator::count);
    setrlimit(Resource::Nofile, before).unwrap();
    assert!(found.is_ok(), "nothing is ever completed: {found:?}");
}
