//! The library as a GStreamer plugin: what GStreamer looks for in a file of this name.
//! Its one feature is left to `element`.
#![allow(missing_docs)] // What the macro makes.

use crate::element::register;

gst::plugin_define!(
    nvdsgst_smartrecord,
    "Records events from cameras, the seconds before them included",
    register,
    env!("CARGO_PKG_VERSION"),
    "Apache 2.0",
    "NvDsSmartRecord",
    "NvDsSmartRecord",
    "NvDsSmartRecord"
);
