//! The factory of an extension, called by hand: what a loader may do with it.
//!
//! One test, in the process itself, because it loads and unloads the library.

mod common;
use common::examples;
use gxf::Runtime;
use libloading::Library;
use std::ffi::c_void;

type Factory = unsafe extern "C" fn(*mut *mut c_void) -> i32;

#[test]
fn the_library_stays_loaded_and_gives_one_extension() {
    let _runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let path = examples().join("libgxf_ping.so");
    // SAFETY: our own extension, whose initialisers do nothing but Rust's own start-up.
    let library = unsafe { Library::new(&path) }.unwrap();
    let (mut first, mut second) = (std::ptr::null_mut(), std::ptr::null_mut());
    {
        // SAFETY: the extension's only export has this signature.
        let factory = unsafe { library.get::<Factory>(b"GxfExtensionFactory") }.unwrap();
        // SAFETY: null is allowed, the other two are valid for writes.
        unsafe {
            assert_eq!(factory(std::ptr::null_mut()), gxf::Code::ARGUMENT_NULL.raw());
            assert_eq!(factory(&mut first), 0);
            assert_eq!(factory(&mut second), 0);
        }
    }
    assert!(!first.is_null());
    assert_eq!(first, second);
    library.close().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains("libgxf_ping.so"), "{maps}");
}
