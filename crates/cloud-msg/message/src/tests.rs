//! The message against itself and against C: what is put in comes out, what is borrowed is freed once, where it was made.
//! How messages travel is left to the tests of `gxf`.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn topic_and_payload_come_out_as_they_went_in() {
    let message = NvDsMessage::new("events/door", *b"{\"a\":\0}");
    assert_eq!((message.topic().as_ref(), message.payload()), ("events/door", b"{\"a\":\0}".as_slice()));
    let empty = NvDsMessage::new("", Vec::new());
    assert_eq!((empty.topic().as_ref(), empty.payload()), ("", [].as_slice()));
    let unset = NvDsMessage::empty();
    assert_eq!((unset.topic().as_ref(), unset.payload()), ("", [].as_slice()));
}

/// As a C codelet fills one in: constant bytes that are not UTF-8, and a function of its own that frees.
#[test]
fn what_others_fill_in_is_read_and_freed_once() {
    static FREED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn count(owner: *mut c_void) {
        assert_eq!(owner as usize, 17);
        FREED.fetch_add(1, Ordering::SeqCst);
    }
    let foreign = NvDsMessage(layout::NvDsMessage {
        topic: c"a\xff".as_ptr(),
        topic_length: 2,
        payload: b"xyz".as_ptr(),
        payload_length: 2,
        release: Some(count),
        owner: 17 as *mut c_void,
    });
    assert_eq!((foreign.topic().as_ref(), foreign.payload()), ("a\u{fffd}", b"xy".as_slice()));
    assert_eq!(FREED.load(Ordering::SeqCst), 0);
    drop(foreign);
    assert_eq!(FREED.load(Ordering::SeqCst), 1);
}

/// Each id in the header is the one in the code.
#[test]
fn the_header_names_the_ids() {
    let header = include_str!("../../include/nvds_message.h");
    for tid in NvDsMessage::TIDS {
        assert!(header.contains(&tid.to_string()), "{tid} is missing in nvds_message.h");
    }
}

/// The header by itself, as C and as C++, where GXF's own `get<T>()` asks for the type by its C++ name.
#[test]
fn the_header_is_c_and_cplusplus() {
    let use_it = [
        ("c", "struct NvDsMessage m; int main(void) { return m.payload_length != 0; }"),
        (
            "c++",
            "nvidia::deepstream::NvDsMessage m; static_assert(sizeof m == 48); int main() { return m.topic != nullptr; }",
        ),
    ];
    let folder = std::env::temp_dir();
    for (language, text) in use_it {
        let source = folder.join(format!("nvds_message_{}.{language}", std::process::id()));
        std::fs::write(&source, format!("#include \"nvds_message.h\"\n{text}\n")).unwrap();
        let output = Command::new("cc")
            .args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", language])
            .arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../include"))
            .arg(&source)
            .output()
            .unwrap();
        std::fs::remove_file(&source).unwrap();
        assert!(output.status.success(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
