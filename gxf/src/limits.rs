//! The lengths that GXF's tools rely on, checked when an extension is compiled.
//!
//! Source: NVIDIA's DefaultExtension and its factory macros, in the public sources of GXF 4.1.0. Numbers are characters.

/// Extension: display name.
pub const EXTENSION_DISPLAY_NAME: usize = 30;
/// Extension: category.
pub const EXTENSION_CATEGORY: usize = 30;
/// Extension: brief.
pub const EXTENSION_BRIEF: usize = 50;
/// Extension: description.
pub const EXTENSION_DESCRIPTION: usize = 256;
/// Extension: author and license, each.
pub const EXTENSION_AUTHOR: usize = 64;
/// Component: display name.
pub const COMPONENT_DISPLAY_NAME: usize = 50;
/// Component: brief.
pub const COMPONENT_BRIEF: usize = 128;
/// Component: description.
pub const COMPONENT_DESCRIPTION: usize = 1026;

/// Whether `text` is a C string of at most `limit` bytes. Bytes, not characters: never longer than the limit allows.
pub const fn fits(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == 0 {
            return false;
        }
        at += 1;
    }
    bytes.len() <= limit
}
