//! The two files that an import makes: the graph, and the parameter file with all values in it.
//! Components are those of graphs/*.yaml; parameter names are NVIDIA's (issue 5, item 1).
//! It leaves which recorders and consumers there are to `plan` and `consumers`.

use serde::Serialize;
use serde_yaml::{Mapping, Value};

use super::{
    Ticks,
    consumers::Consumer,
    plan::{Recorder, Sensors},
};

#[derive(Serialize)]
struct Entity {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    components: Vec<Component>,
}

#[derive(Serialize)]
struct Component {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Mapping::is_empty")]
    parameters: Mapping,
}

fn parameters<const N: usize>(pairs: [(&str, Value); N]) -> Mapping {
    pairs.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

fn component<const N: usize>(name: &'static str, type_name: &'static str, pairs: [(&str, Value); N]) -> Component {
    Component { name: Some(name), type_name: Some(type_name), parameters: parameters(pairs) }
}

/// The name of a consumer's entity.
fn consumer_name(index: usize, count: usize) -> String {
    if count == 1 { "messages".into() } else { format!("messages{index}") }
}

/// The graph's documents.
///
/// # Errors
/// The YAML writer's words.
pub fn graph(recorders: &[Recorder], consumers: &[Consumer], ticks: Ticks) -> Result<String, serde_yaml::Error> {
    let mut entities = Vec::new();
    for index in 0..consumers.len() {
        entities.push(consumer_entity(consumer_name(index, consumers.len())));
    }
    for recorder in recorders {
        entities.push(recorder_entity(recorder.name.clone(), (!consumers.is_empty()).then_some(ticks)));
    }
    let relays: Vec<Component> = (0..consumers.len())
        .flat_map(|index| recorders.iter().map(move |recorder| relay(&consumer_name(index, consumers.len()), recorder)))
        .collect();
    if !relays.is_empty() {
        entities.push(Entity { name: None, components: relays });
    }
    entities.push(scheduler());
    documents(&entities)
}

/// A receiver of messages and its way out.
fn consumer_entity(name: String) -> Entity {
    let components = vec![
        component("receiver", "nvidia::deepstream::NvDsMsgBrokerC2DReceiver", [("tx", "tx".into())]),
        component("tx", "nvidia::deepstream::NvDsMsgRelayTransmitter", []),
        component("wake", "nvidia::gxf::AsynchronousSchedulingTerm", []),
        component(
            "room",
            "nvidia::gxf::DownstreamReceptiveSchedulingTerm",
            [("transmitter", "tx".into()), ("min_size", 1.into())],
        ),
    ];
    Entity { name: Some(name), components }
}

/// A recorder; `messages`: that it gets some, and when it looks for them.
fn recorder_entity(name: String, messages: Option<Ticks>) -> Entity {
    let smart_record = "nvidia::deepstream::NvDsSmartRecord";
    let wake = component("wake", "nvidia::gxf::AsynchronousSchedulingTerm", []);
    let Some(ticks) = messages else {
        return Entity { name: Some(name), components: vec![component("smart_record", smart_record, []), wake] };
    };
    let mut components = vec![
        component("smart_record", smart_record, [("msg-rx", "msg_rx".into())]),
        component("msg_rx", "nvidia::deepstream::NvDsMsgRelayReceiver", [("capacity", 16.into())]),
    ];
    match ticks {
        Ticks::WhenNeeded => components.extend([
            component(
                "message",
                "nvidia::gxf::MessageAvailableSchedulingTerm",
                [("receiver", "msg_rx".into()), ("min_size", 1.into())],
            ),
            wake,
            component(
                "message_or_wake",
                "nvidia::gxf::OrSchedulingTermCombiner",
                [("terms", Value::Sequence(vec!["message".into(), "wake".into()]))],
            ),
        ]),
        Ticks::ByTheClock => components.push(component(
            "period",
            "nvidia::gxf::PeriodicSchedulingTerm",
            [("recess_period", "10ms".into())],
        )),
    }
    Entity { name: Some(name), components }
}

fn relay(consumer: &str, recorder: &Recorder) -> Component {
    let ends = [("source", format!("{consumer}/tx").into()), ("target", format!("{}/msg_rx", recorder.name).into())];
    Component { name: None, type_name: Some("nvidia::deepstream::NvDsMsgRelay"), parameters: parameters(ends) }
}

fn scheduler() -> Entity {
    let scheduler = component(
        "scheduler",
        "nvidia::gxf::EventBasedScheduler",
        // Cameras do not end, and waiting for an event is no deadlock.
        [("clock", "clock".into()), ("stop_on_deadlock", false.into())],
    );
    let clock = component("clock", "nvidia::gxf::RealtimeClock", []);
    Entity { name: Some("scheduler".into()), components: vec![clock, scheduler] }
}

/// The parameter file's documents: all values.
///
/// # Errors
/// The YAML writer's words.
pub fn parameter_file(recorders: &[Recorder], consumers: &[Consumer]) -> Result<String, serde_yaml::Error> {
    let entity = |name: String, component: &'static str, parameters: Mapping| Entity {
        name: Some(name),
        components: vec![Component { name: Some(component), type_name: None, parameters }],
    };
    let mut entities = Vec::new();
    for (index, consumer) in consumers.iter().enumerate() {
        let name = consumer_name(index, consumers.len());
        entities.push(entity(name, "receiver", consumer_parameters(consumer)));
    }
    for recorder in recorders {
        let mut parameters = recorder_parameters(recorder);
        if recorders.len() > 1 && !consumers.is_empty() {
            // Each gets every message: those for the others' sensors are none of its business.
            parameters.insert("unknown-sensor".into(), "ignore".into());
        }
        entities.push(entity(recorder.name.clone(), "smart_record", parameters));
    }
    documents(&entities)
}

fn consumer_parameters(consumer: &Consumer) -> Mapping {
    let mut mapping = parameters([
        ("conn-str", consumer.conn_str.clone().into()),
        ("proto-lib", consumer.proto_lib.clone().into()),
        ("topics", consumer.topics.join(";").into()),
    ]);
    if let Some(file) = &consumer.config_file {
        mapping.insert("config-file".into(), file.display().to_string().into());
    }
    mapping
}

fn recorder_parameters(recorder: &Recorder) -> Mapping {
    let recording = &recorder.recording;
    let mut mapping = parameters([("uri-list", recorder.uris.join(";").into())]);
    let mut set = |key: &str, value: Value| {
        mapping.insert(key.into(), value);
    };
    match &recorder.sensors {
        Sensors::Indexes => {}
        Sensors::List(names) => set("sensor-id-list", names.join(";").into()),
        Sensors::File(file) => set("sensor-list-file", file.display().to_string().into()),
    }
    set("smart-record", recording.triggers.into());
    set("smart-rec-cache", recording.cache.into());
    set("smart-rec-container", recording.container.into());
    set("smart-rec-default-duration", recording.default_duration.into());
    if let Some(events) = recording.local_events {
        set("smart-rec-start-time", events.start_time.into());
        set("smart-rec-duration", events.duration.into());
        set("smart-rec-interval", events.interval.into());
    }
    if let Some(prefix) = &recording.file_prefix {
        set("smart-rec-file-prefix", prefix.clone().into());
    }
    set("smart-rec-dir-path", recording.dir_path.clone().unwrap_or_else(|| ".".into()).into());
    set("latency", recording.latency.into());
    set("select-rtp-protocol", recording.protocol.into());
    if let Some(interval) = recording.reconnect_interval {
        set("rtsp-reconnect-interval", interval.into());
    }
    mapping
}

fn documents(entities: &[Entity]) -> Result<String, serde_yaml::Error> {
    let mut text = String::new();
    for entity in entities {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(entity)?);
    }
    Ok(text)
}
