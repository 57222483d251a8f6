//! The recording engine: GOP cache, sessions, writers, recordbin
