//! The library as programs meet it: looked up at run time, its contexts fed by hand, C programs compiled against its header.
//! No GLib main loop runs in these tests: the library must not need one.
//! Judging files is left to the crate `testbed`, what is asserted to the tests.
#![allow(dead_code, unused_imports, clippy::unwrap_used)] // Each test file uses a part; a helper that fails fails its test.

pub mod api;
mod asked;
mod camera;
#[path = "../../../recorder/tests/fed/clip.rs"]
pub mod clip;
mod clip_file;
mod compiler;
mod context;
mod library;
mod log;
mod recording;

pub use asked::Asked;
pub use camera::{Camera, PICTURES, SOUND};
pub use clip_file::{CLIP_GOP, camera_of_clip};
pub use compiler::{Compiler, meets, pkg_config, programs, run};
pub use context::{Context, Parameters, raw};
pub use library::{headers, libraries, library, repository};
pub use log::{Line, read_log};
pub use recording::{Recording, leftovers};
