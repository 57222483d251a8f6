//! Write GXF extensions in Rust
