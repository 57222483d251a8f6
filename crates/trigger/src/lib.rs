//! When to record: messages, sensors, local events
