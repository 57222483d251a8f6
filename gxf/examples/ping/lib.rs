//! An extension with two codelets: [`PingTx`] sends numbered messages, [`PingRx`] receives and counts them.
//!
//! Shows everything that an extension needs, and nothing that it does not. The graphs beside this file wire the two with
//! `nvidia::gxf::Connection` under each scheduler; how to run them is in their first lines.

mod ping;
mod ping_rx;
mod ping_tx;

use ping::Ping;
use ping_rx::PingRx;
use ping_tx::PingTx;

gxf::extension! {
    uuid: "109af090-ed94-45f7-bee2-4ad5038c6509",
    name: "GxfPingExample",
    display_name: "Ping in Rust",
    category: "Examples",
    brief: "A transmitter and a receiver",
    description: "Two codelets that show how a GXF extension is written in Rust",
    author: "The NvDsSmartRecord founders",
    version: env!("CARGO_PKG_VERSION"),
    license: "Apache-2.0",
    codelets: [PingTx, PingRx],
    data: [Ping],
}
