//! What the tests of the command line share: brokers of their own, and what is built or set up beside the binary.
//! Whatever is missing fails the test with the command that makes it; nothing is skipped.
//! Left to others: using it.
#![allow(dead_code)] // Each test uses its part.

pub mod brokers;
pub mod built;
pub mod folder;
