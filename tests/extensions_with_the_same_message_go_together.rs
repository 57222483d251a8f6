//! Promise: a graph lists the recorder's extension, the messaging one, or both, in either order; and beside DeepStream's
//! closed NvDsCloudMsgExt each says which to list.
//! Left to others: brokers (`kafka_triggers_recordings`), and the recorder alone (every other test).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use common::{built, run_text};
use testbed::temp_dir;

/// A message from the recorder's extension, through relays of the other, back into the recorder's.
const BOTH: &str = "
name: source
components:
- {name: file, type: nvidia::deepstream::NvDsMsgFileReceiver, parameters: {path: IN, tx: tx}}
- {name: tx, type: nvidia::deepstream::NvDsMsgRelayTransmitter}
- {type: nvidia::gxf::AsynchronousSchedulingTerm}
- {type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {transmitter: tx, min_size: 1}}
---
name: sink
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver, parameters: {capacity: 16}}
- {name: file, type: nvidia::deepstream::NvDsMsgFileTransmitter, parameters: {path: OUT, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {type: nvidia::deepstream::NvDsMsgRelay, parameters: {source: source/tx, target: sink/rx}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";

#[test]
fn messages_cross_in_either_order_of_the_manifest() {
    let parts = built();
    for extensions in [[&parts.extension, &parts.cloud_msg], [&parts.cloud_msg, &parts.extension]] {
        let folder = temp_dir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, "{\"a\":1}\n{\"b\":2}\n").unwrap();
        let graph = BOTH.replace("IN", &input.display().to_string()).replace("OUT", &output.display().to_string());
        let (code, lines) = run_text(folder.path(), &graph, &extensions.map(PathBuf::as_path));
        assert_eq!(code, Some(0), "{lines:#?}");
        assert_eq!(std::fs::read_to_string(&output).unwrap(), "{\"a\":1}\n{\"b\":2}\n", "{lines:#?}");
        let complaints: Vec<_> = lines.iter().filter(|line| line.contains("ERROR")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

#[test]
fn the_messaging_extension_alone() {
    let folder = temp_dir().unwrap();
    // Nothing listens on port 1: a broker that is down does not keep a graph from ending.
    let graph = "
name: sink
components:
- {name: rx, type: nvidia::deepstream::NvDsMsgRelayReceiver}
- {name: broker, type: nvidia::deepstream::NvDsMsgBrokerD2CTransmitter, parameters: {conn-str: localhost;1, rx: rx}}
- {type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {receiver: rx, min_size: 1}}
---
components:
- {name: clock, type: nvidia::gxf::RealtimeClock}
- {type: nvidia::gxf::GreedyScheduler, parameters: {clock: clock}}
";
    let (code, lines) = run_text(folder.path(), graph, &[&built().cloud_msg]);
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn beside_the_closed_extension_a_line_says_which_to_list() {
    let parts = built();
    let closed = parts.closed_cloud_msg();
    for (extension, name) in [(&parts.cloud_msg, "NvDsOpenCloudMsgExt"), (&parts.extension, "NvDsSmartRecordExt")] {
        let folder = temp_dir().unwrap();
        let (code, lines) = run_text(folder.path(), BOTH, &[&closed, extension]);
        assert_eq!(code, Some(1), "{lines:#?}");
        let line = "NvDsCloudMsgExt by NVIDIA, which is loaded already, has it too. List either NvDsCloudMsgExt or";
        let says = lines.iter().filter(|text| text.contains(&format!("{line} {name}, not both"))).count();
        assert_eq!(says, 1, "{lines:#?}");
    }
}

/// GXF's own words: ours has no say any more.
#[test]
fn before_the_closed_extension_too_a_line_names_the_type() {
    let parts = built();
    let closed = parts.closed_cloud_msg();
    let folder = temp_dir().unwrap();
    let (code, lines) = run_text(folder.path(), BOTH, &[&parts.cloud_msg, &closed]);
    assert_eq!(code, Some(1), "{lines:#?}");
    let says = |text: &str| lines.iter().any(|line| line.contains("ERROR") && line.contains(text));
    assert!(says("nvidia::deepstream::NvDsMessage") && says(&closed.display().to_string()), "{lines:#?}");
}
