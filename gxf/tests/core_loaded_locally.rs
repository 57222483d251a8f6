//! A host that keeps the GXF core to itself (RTLD_LOCAL), as NVIDIA's registry tool does: the extension must find its
//! functions all the same. One test, in the process itself, through the C API alone.

mod common;
use common::examples;
use gxf::Runtime;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, RTLD_LOCAL};
use std::ffi::{CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

// Source: GxfLoadExtensionsInfo in gxf/core/gxf_ext.h.
#[repr(C)]
struct Files {
    names: *const *const c_char,
    count: u32,
    manifests: *const *const c_char,
    manifest_count: u32,
    base: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RawTid(u64, u64);

// Source: gxf_extension_info_t in gxf/core/gxf.h.
#[repr(C)]
struct Extension {
    id: RawTid,
    texts: [*const c_char; 9],
    count: u64,
    components: *mut RawTid,
}

#[test]
fn the_extension_finds_its_functions_and_keeps_to_the_room_it_is_given() {
    let path = Runtime::find(None).unwrap_or_else(|error| panic!("{error}"));
    let folder = path.parent().unwrap();
    // SAFETY: libraries of the runtime that the tests are run with. The signatures are those of the public headers.
    unsafe {
        let cuda = folder.join("libcudart.so.12");
        let _cuda = cuda.is_file().then(|| Library::open(Some(cuda), RTLD_LAZY | RTLD_GLOBAL).unwrap());
        let core = Library::open(Some(&path), RTLD_LAZY | RTLD_LOCAL).unwrap();
        let create = core.get::<unsafe extern "C" fn(*mut *mut c_void) -> i32>(b"GxfContextCreate").unwrap();
        let load = core.get::<unsafe extern "C" fn(*mut c_void, *const Files) -> i32>(b"GxfLoadExtensions").unwrap();
        let ask =
            core.get::<unsafe extern "C" fn(*mut c_void, RawTid, *mut Extension) -> i32>(b"GxfExtensionInfo").unwrap();
        let destroy = core.get::<unsafe extern "C" fn(*mut c_void) -> i32>(b"GxfContextDestroy").unwrap();
        let mut context = null_mut();
        assert_eq!(create(&mut context), 0);
        let load = |file: &Path| {
            let name = CString::new(file.as_os_str().as_bytes()).unwrap();
            let names = [name.as_ptr()];
            let files = Files { names: names.as_ptr(), count: 1, manifests: null(), manifest_count: 0, base: null() };
            load(context, &files)
        };
        assert_eq!(load(&folder.join("libgxf_std.so")), 0);
        assert_eq!(load(&examples().join("libgxf_ping.so")), 0);

        let ping = RawTid(0x109a_f090_ed94_45f7, 0xbee2_4ad5_038c_6509);
        let mut room = [RawTid::default(); 4];
        let mut info = Extension { id: ping, texts: [null(); 9], count: 4, components: room.as_mut_ptr() };
        assert_eq!(ask(context, ping, &mut info), 0);
        assert_eq!(info.count, 3);
        assert!(room[2].0 != 0 && room[3].0 == 0, "three ids, and nothing behind them");

        let mut room = [RawTid::default(); 2];
        let mut info = Extension { id: ping, texts: [null(); 9], count: 2, components: room.as_mut_ptr() };
        let code = ask(context, ping, &mut info);
        assert_ne!(code, 0, "there is too little room");
        assert_eq!(info.count, 3, "but it is said how much there should be");
        assert!(room.iter().all(|tid| tid.0 == 0), "and nothing is written");
        assert_eq!(destroy(context), 0);
    }
}
