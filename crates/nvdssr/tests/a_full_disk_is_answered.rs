//! Promise: a recording that cannot be written to its end has its one callback, and the next one is none the worse.
//! The disk is full for this process alone: no file may grow beyond a limit (RLIMIT_FSIZE), so this file has one test.
//! Folders that are gone are left to every_start_is_answered_once.rs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Camera, Context, PICTURES};

/// Sets how large this process's files may become, in bytes; None: as large as it was.
fn limit_files(bytes: Option<libc::rlim_t>) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain values; the signal that comes with the limit is ignored, so that writing fails as on a full disk.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit), 0, "{}", std::io::Error::last_os_error());
        limit.rlim_cur = bytes.unwrap_or(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
fn a_full_disk_ends_a_recording_and_not_the_next() {
    let context = Context::new();
    let mut camera = Camera::pictures(&context);
    camera.run_to(5.0);
    let media: usize = PICTURES.units[..300].iter().map(|unit| unit.media.size()).sum();
    limit_files(Some(media as libc::rlim_t / 4));
    camera.start(&context, 1, 100, 1);
    let id = context.start(1, 100, 2).unwrap();
    camera.run_to(30.0);
    for (tag, recording) in context.all_recorded(2).iter().enumerate() {
        assert_eq!(recording.tag, tag as u64 + 1);
        assert!(recording.has_failed(), "{recording:?}");
    }
    assert!(context.stop(id).is_err(), "it has ended");

    limit_files(None);
    let asked = camera.start(&context, 2, 1, 3);
    camera.run_to(33.0);
    asked.check(&context.recorded());
    assert!(context.destroy().1.is_empty());
}
