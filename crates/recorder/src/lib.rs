//! t
pub mod core;
