//! `libnvdsgst_smartrecord.so`: the engine behind the C API of gst-nvdssr.h, for programs written for NVIDIA's library.
//! It is a GStreamer plugin, too: `element` is `nvdssmartrecord`.
//! `api` has the four functions, `context` what they work on; header and types are in the crate `nvdssr-sys`.
//! Recording is left to the crate `recorder`. What differs from NVIDIA's library is in docs/drop-in.md.

mod api;
mod context;
mod element;
mod error;
mod info;
mod leftovers;
mod plugin;
mod public;
mod sessions;

/// What log lines begin with; a domain of GLib's logging.
pub(crate) const LOG: &str = "NvDsSmartRecord";
