//! Tests of `import`: configurations as DeepStream has them, through to the text of graph and parameter file.
//! Files that a configuration names come from a table; the real ones are in tests/import.rs.
//! Forms and lists have tests beside them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Value;

use super::*;

/// A converted configuration, as a loader sees it.
struct Outcome {
    graph: Vec<Value>,
    parameters: BTreeMap<String, BTreeMap<String, Value>>,
    lines: Vec<String>,
    lost: usize,
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect()
}

struct Case<'a> {
    form: Form,
    built_in: bool,
    ticks: Ticks,
    files: &'a [(&'a str, &'a str)],
}

const TXT: Case<'static> = Case { form: Form::KeyFile, built_in: false, ticks: Ticks::WhenNeeded, files: &[] };

impl Case<'_> {
    fn try_convert(&self, text: &str) -> (Result<Import, String>, Report) {
        let read = |path: &Path| {
            let file = self.files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let Self { form, built_in, ticks, .. } = *self;
        let context = Context { form, folder: Path::new("/cfg"), built_in, ticks, read: &read };
        let mut report = Report::default();
        (convert(text, &context, &mut report), report)
    }

    fn convert(&self, text: &str) -> Outcome {
        let (import, report) = self.try_convert(text);
        let import = import.unwrap();
        let entity = |document: Value| {
            let component = &document["components"][0];
            let values = serde_yaml::from_value(component["parameters"].clone()).unwrap();
            (document["name"].as_str().unwrap().to_owned(), values)
        };
        Outcome {
            graph: documents(&import.graph),
            parameters: documents(&import.parameters).into_iter().map(entity).collect(),
            lines: report.lines().iter().map(Line::to_string).collect(),
            lost: report.lines().iter().filter(|line| line.loss).count(),
        }
    }
}

impl Outcome {
    #[track_caller]
    fn says(&self, words: &str) {
        assert!(self.lines.iter().any(|line| line.contains(words)), "no {words:?} in {:#?}", self.lines);
    }

    fn value(&self, entity: &str, key: &str) -> Option<String> {
        let value = self.parameters.get(entity)?.get(key)?;
        Some(value.as_str().map_or_else(|| serde_yaml::to_string(value).unwrap().trim().to_owned(), Into::into))
    }

    #[track_caller]
    fn has(&self, entity: &str, values: &[(&str, &str)]) {
        for (key, value) in values {
            assert_eq!(self.value(entity, key).as_deref(), Some(*value), "{entity}: {key}");
        }
    }

    fn types(&self) -> Vec<String> {
        let components = self.graph.iter().flat_map(|entity| entity["components"].as_sequence().unwrap());
        components.map(|component| component["type"].as_str().unwrap().to_owned()).collect()
    }

    fn relays(&self) -> Vec<(String, String)> {
        let components = self.graph.iter().flat_map(|entity| entity["components"].as_sequence().unwrap());
        let relays = components.filter(|component| component["type"] == "nvidia::deepstream::NvDsMsgRelay");
        let end = |relay: &Value, end: &str| relay["parameters"][end].as_str().unwrap().to_owned();
        relays.map(|relay| (end(relay, "source"), end(relay, "target"))).collect()
    }
}

fn source(number: u32, keys: &str) -> String {
    format!("[source{number}]\nenable=1\ntype=4\nuri=rtsp://cam{number}/s\nsmart-record=1\n{keys}\n")
}

fn consumer(number: u32, keys: &str) -> String {
    format!(
        "[message-consumer{number}]\nenable=1\nproto-lib=/lib/libnvds_kafka_proto.so\nconn-str=host;9092\n\
         subscribe-topic-list=a;b\n{keys}\n"
    )
}

#[test]
fn defaults_are_those_of_the_library() {
    let outcome = TXT.convert(&(source(0, "smart-rec-cache=0") + &source(1, "") + &consumer(0, "")));
    assert_eq!((outcome.lines.as_slice(), outcome.lost), (&[][..], 0));
    outcome.has(
        "recorder",
        &[
            ("uri-list", "rtsp://cam0/s;rtsp://cam1/s"),
            ("smart-record", "1"),
            ("smart-rec-cache", "30"),
            ("smart-rec-container", "0"),
            ("smart-rec-default-duration", "10"),
            ("smart-rec-dir-path", "."),
            ("latency", "100"),
            ("select-rtp-protocol", "0"),
        ],
    );
    for key in ["smart-rec-start-time", "smart-rec-file-prefix", "sensor-id-list", "rtsp-reconnect-interval"] {
        assert_eq!(outcome.value("recorder", key), None, "{key}");
    }
    outcome
        .has("messages", &[("conn-str", "host;9092"), ("topics", "a;b"), ("proto-lib", "/lib/libnvds_kafka_proto.so")]);
    assert_eq!(outcome.relays(), [("messages/tx".into(), "recorder/msg_rx".into())]);
    let types = outcome.types();
    for name in ["NvDsMsgBrokerC2DReceiver", "NvDsMsgRelayTransmitter", "NvDsMsgRelayReceiver", "NvDsSmartRecord"] {
        assert!(types.contains(&format!("nvidia::deepstream::{name}")), "{types:?}");
    }
}

#[test]
fn every_key_of_a_source_arrives() {
    let keys = "smart-record=2\nsmart-rec-dir-path=/rec\nsmart-rec-file-prefix=Gate\nsmart-rec-video-cache=20\n\
                smart-rec-container=1\nsmart-rec-start-time=5\nsmart-rec-default-duration=7\nsmart-rec-duration=8\n\
                smart-rec-interval=60\nlatency=200\nselect-rtp-protocol=4\nrtsp-reconnect-interval-sec=0\ncamera-id=42\n\
                gpu-id=0\nnum-sources=1\nrtsp-reconnect-attempts=-1";
    let outcome = TXT.convert(&source(3, keys));
    assert_eq!(outcome.lost, 0, "{:?}", outcome.lines);
    outcome.has(
        "recorder",
        &[
            ("uri-list", "rtsp://cam3/s"),
            ("smart-record", "2"),
            ("smart-rec-dir-path", "/rec"),
            // deepstream-app puts the camera's id behind the prefix.
            ("smart-rec-file-prefix", "Gate_42"),
            ("smart-rec-cache", "20"),
            ("smart-rec-container", "1"),
            ("smart-rec-start-time", "5"),
            ("smart-rec-default-duration", "7"),
            ("smart-rec-duration", "8"),
            ("smart-rec-interval", "60"),
            ("latency", "200"),
            ("select-rtp-protocol", "4"),
            ("rtsp-reconnect-interval", "0"),
        ],
    );
    outcome.says("decoding and display: gpu-id, num-sources");
    // No consumer: nothing of the message half.
    assert!(outcome.relays().is_empty() && !outcome.types().iter().any(|name| name.contains("NvDsMsg")));
}

#[test]
fn a_file_prefix_is_one_that_the_recorder_takes() {
    let long = "ä".repeat(100);
    let outcome = TXT.convert(&source(0, &format!("smart-rec-file-prefix={long}")));
    outcome.has("recorder", &[("smart-rec-file-prefix", &"ä".repeat(90))]);
    outcome.says("not taken over: [source0] smart-rec-file-prefix: it is cut after 180 bytes");
    let outcome = TXT.convert(&source(0, "smart-rec-file-prefix=../a\\tb"));
    outcome.has("recorder", &[("smart-rec-file-prefix", ".._a_b_0")]);
    let both = source(2, "smart-rec-file-prefix=Cam") + &source(5, "smart-rec-file-prefix=Cam");
    let outcome = TXT.convert(&both);
    outcome.has("recorder", &[("smart-rec-file-prefix", "Cam")]);
    outcome.says("note: [source2] smart-rec-file-prefix: files have the source's index");
}

#[test]
fn local_events_begin_a_second_before_and_within_the_cache() {
    let outcome = TXT.convert(&source(0, "smart-record=2"));
    // DeepStream's second event stops what the first has begun: ten seconds on, ten seconds off.
    outcome
        .has("recorder", &[("smart-rec-start-time", "1"), ("smart-rec-duration", "10"), ("smart-rec-interval", "20")]);
    outcome.says("note: [source0] smart-rec-interval: every second event ends a recording in DeepStream");
    let outcome = TXT.convert(&source(0, "smart-record=2\nsmart-rec-default-duration=9"));
    outcome.has("recorder", &[("smart-rec-duration", "0"), ("smart-rec-interval", "10")]);
    let outcome = TXT.convert(&source(0, "smart-record=2\nsmart-rec-start-time=50\nsmart-rec-cache=20"));
    outcome.has("recorder", &[("smart-rec-start-time", "20")]);
    outcome.says("[source0] smart-rec-start-time: 50 s is more than the cache of 20 s");
}

#[test]
fn sources_that_are_not_recorded_keep_their_place() {
    let text = "[source7]\nenable=1\ntype=3\nuri=file:///a.mp4\nnum-sources=2\n".to_owned()
        + "[source1]\nenable=0\ntype=4\nsmart-record=1\n[source2]\ntype=4\nsmart-record=1\n"
        + &source(5, "")
        + "[source6]\nenable=1\ntype=4\nuri=rtsp://off/s\n"
        + &source(4, "")
        + &consumer(0, "");
    let outcome = TXT.convert(&text);
    // Positions among the enabled: source7 is 0, source5 1, source6 2, source4 3.
    outcome.has("recorder", &[("uri-list", "rtsp://cam5/s;rtsp://cam4/s"), ("sensor-id-list", "1;3")]);
    for words in ["[source1]: it is disabled", "[source2]: it is disabled", "[source7]: it is not recorded"] {
        outcome.says(words);
    }
    assert_eq!(outcome.lost, 0);
}

#[test]
fn what_cannot_be_taken_over_is_told_with_group_and_key() {
    let good = source(0, "");
    for (text, words) in [
        (source(1, "type=3"), "[source1] type: 3; DeepStream records RTSP sources (4) alone"),
        (source(1, "uri=http://h/x"), "[source1] uri: an address is needed"),
        (source(1, "uri=rtsp://h/a;b"), "[source1] uri: an address with \";\""),
        (source(1, "smart-rec-cache=-5"), "[source1] smart-rec-cache: a whole number from 0 to 86400"),
        (source(1, "latency=soon"), "[source1] latency: a whole number from 0 to 60000"),
        (source(1, "smart-rec-container=2"), "[source1] smart-rec-container: a whole number from 0 to 1"),
        (source(1, "rtsp-reconnect-attempts=4"), "[source1] rtsp-reconnect-attempts: "),
        (source(1, "udp-buffer-size=2000"), "[source1] udp-buffer-size: "),
        (source(1, "smart-rec-file-prefix=a/../b"), "[source1] smart-rec-file-prefix: \"/\""),
        ("[source_1]\nenable=1\n".into(), "[source_1]: a source's group is called [source0]"),
        (consumer(0, "").replace("conn-str", "x"), "[message-consumer0] conn-str: it is missing"),
        (consumer(0, "subscribe-topic-list=;"), "[message-consumer0] subscribe-topic-list: there is no topic"),
        (consumer(0, "subscribe-topic-list=a\\;b"), "[message-consumer0] subscribe-topic-list: a topic has a \";\""),
        (consumer(0, "sensor-list-file=none.txt"), "[message-consumer0] sensor-list-file: it cannot be read"),
    ] {
        let outcome = TXT.convert(&(good.clone() + &text));
        assert!(outcome.lost >= 1, "{text}: {:?}", outcome.lines);
        outcome.says(&format!("not taken over: {words}"));
        assert!(outcome.value("recorder", "uri-list").is_some() || outcome.value("recorder0", "uri-list").is_some());
    }
    let outcome =
        TXT.convert(&(good + "[source3]\nenable=0\n[osd]\nenable=1\n[Source9]\n[message-consumer0]\nenable=0\n"));
    for words in ["note: [message-consumer0]: it is disabled", "other parts of DeepStream: osd", "either: Source9"] {
        outcome.says(words);
    }
    assert_eq!(outcome.lost, 0);
}

#[test]
fn without_a_source_to_record_there_is_no_graph() {
    for (text, words) in [
        ("", "there is no source to record"),
        ("[source0]\nenable=1\ntype=4\nuri=rtsp://h/a\n", "smart-record=1 or 2"),
        ("[source0]\nenable\n", "line 2: "),
    ] {
        let (import, _) = TXT.try_convert(text);
        assert!(import.unwrap_err().contains(words), "{text:?}");
    }
}

#[test]
fn sources_with_different_settings_get_recorders_of_their_own() {
    let sensors = "[sensor0]\nenable=1\nid=door\n[sensor1]\nenable=1\nid=gate;2\n[sensor2]\nenable=0\nid=x\n";
    let files = [("/cfg/sensors.txt", sensors), ("/cfg/number.txt", "[sensor0]\nenable=1\nid=7\n")];
    let case = Case { files: &files, ..TXT };
    let text = source(0, "")
        + &source(1, "smart-rec-cache=60")
        + &source(2, "")
        + &consumer(0, "sensor-list-file=sensors.txt")
        + &consumer(5, "subscribe-topic-list=c");
    let outcome = case.convert(&text);
    for recorder in ["recorder0", "recorder1"] {
        outcome.has(recorder, &[("unknown-sensor", "ignore")]);
    }
    outcome.says("not taken over: [message-consumer5] sensor-list-file: it has none, so that in DeepStream");
    // One recorder has all positions, unless a name is a number.
    let one = |list: &str| {
        let consumers = consumer(0, &format!("sensor-list-file={list}")) + &consumer(1, "");
        case.convert(&(source(0, "") + &source(1, "") + &consumers))
    };
    assert_eq!((one("sensors.txt").lost, one("sensors.txt").value("recorder", "unknown-sensor")), (0, None));
    assert_eq!(one("number.txt").lost, 1);
    outcome.has("recorder0", &[("uri-list", "rtsp://cam0/s;rtsp://cam2/s"), ("sensor-id-list", "door;2")]);
    outcome.has("recorder1", &[("uri-list", "rtsp://cam1/s"), ("sensor-id-list", "1"), ("smart-rec-cache", "60")]);
    outcome.says("[source1]: its sensor's name has a \";\"");
    outcome.says("2 recorders");
    let wanted = ["messages0", "messages1"].map(|from| ["recorder0", "recorder1"].map(|to| (from, to)));
    let wanted: Vec<_> =
        wanted.concat().iter().map(|(from, to)| (format!("{from}/tx"), format!("{to}/msg_rx"))).collect();
    assert_eq!(outcome.relays(), wanted);
    outcome.has("messages1", &[("topics", "c")]);
}

#[test]
fn one_sensor_list_for_all_sources_stays_a_file() {
    let sensors = "[sensor0]\nenable=1\nid=door\n[sensor1]\nenable=true\nid=gate\n[place0]\nenable=1\n";
    let more = sensors.to_owned() + "[sensor2]\nenable=1\nid=yard\n";
    let files = [("/cfg/s.txt", sensors), ("/cfg/more.txt", &more), ("/abs.txt", "[sensor0]\nenable=1\nid=other\n")];
    let case = Case { files: &files, ..TXT };
    let sources = source(0, "") + &source(1, "");
    let with = |list: &str| case.convert(&(sources.clone() + &consumer(0, &format!("sensor-list-file={list}"))));
    let outcome = with("s.txt");
    outcome.has("recorder", &[("sensor-list-file", "/cfg/s.txt")]);
    assert_eq!((outcome.value("recorder", "sensor-id-list"), outcome.lost), (None, 0));

    // Ours takes no list with sensors that there are no sources for; the names of the others stay.
    let outcome = with("more.txt");
    outcome.has("recorder", &[("sensor-id-list", "door;gate")]);
    outcome.says("[sensor2]: there is no source 2; 2 are enabled");
    assert_eq!(outcome.lost, 0);

    let two = sources + &consumer(0, "sensor-list-file=s.txt") + &consumer(1, "sensor-list-file=/abs.txt");
    let outcome = case.convert(&two);
    outcome.has("recorder", &[("sensor-id-list", "door;gate")]);
    outcome.says("not taken over: [message-consumer1] sensor-list-file: a second name for source 0");
}

#[test]
fn paths_and_adaptors() {
    let text = source(0, "") + &consumer(0, "config-file=../cfg_kafka.txt");
    let outcome = TXT.convert(&text);
    outcome.has("messages", &[("config-file", "/cfg/../cfg_kafka.txt")]);
    outcome.says("note: [message-consumer0] config-file: it cannot be read here");
    let built_in = Case { built_in: true, ..TXT };
    built_in.convert(&text).has("messages", &[("proto-lib", "builtin:kafka")]);
    let mqtt = text.replace("kafka_proto.so", "mqtt_proto.so.1");
    built_in.convert(&mqtt).has("messages", &[("proto-lib", "builtin:mqtt")]);
    let outcome = built_in.convert(&text.replace("kafka_proto", "amqp_proto"));
    outcome.has("messages", &[("proto-lib", "/lib/libnvds_amqp_proto.so")]);
    outcome.says("note: [message-consumer0] proto-lib: there is no client built in");
}

/// The types in the recorders' entities.
fn recorder_types(outcome: &Outcome) -> Vec<String> {
    let entities = outcome.graph.iter().filter(|entity| entity["name"].as_str() == Some("recorder"));
    let components = entities.flat_map(|entity| entity["components"].as_sequence().unwrap());
    components.map(|component| component["type"].as_str().unwrap().rsplit("::").next().unwrap().to_owned()).collect()
}

#[test]
fn gxf_4_0_has_no_combiner() {
    let text = source(0, "") + &consumer(0, "");
    let by_the_clock = Case { ticks: Ticks::ByTheClock, ..TXT };
    let types = recorder_types(&by_the_clock.convert(&text));
    assert_eq!(types, ["NvDsSmartRecord", "NvDsMsgRelayReceiver", "PeriodicSchedulingTerm"]);
    assert_eq!(recorder_types(&TXT.convert(&text)).last().map(String::as_str), Some("OrSchedulingTermCombiner"));
    // Without messages there is nothing to join.
    let alone = source(0, "").replace("smart-record=1", "smart-record=2");
    for case in [&TXT, &by_the_clock] {
        assert_eq!(recorder_types(&case.convert(&alone)), ["NvDsSmartRecord", "AsynchronousSchedulingTerm"]);
    }
}

#[test]
fn the_yaml_form_has_its_sources_in_a_csv() {
    let csv = "# comment\nenable,type,uri,smart-record,smart-rec-cache\n1,4,rtsp://a/s,1,15\n0,4,rtsp://b/s,1,15\n1,2,file://c,0,0\n1,4,rtsp://d/s,1,15\n";
    let files = [("/cfg/sources.csv", csv), ("/cfg/s.txt", "[sensor0]\nenable=1\nid=door\n")];
    let case = Case { form: Form::Yaml, files: &files, ..TXT };
    let text = "application:\n  enable-perf-measurement: 1\nsource:\n  csv-file-path: sources.csv\nmessage-consumer0:\n  \
                enable: 1\n  proto-lib: /lib/x.so\n  conn-str: host;9092\n  config-file: cfg.txt\n  \
                subscribe-topic-list: a;b\n  sensor-list-file: s.txt\n";
    let outcome = case.convert(text);
    outcome.has(
        "recorder",
        &[("uri-list", "rtsp://a/s;rtsp://d/s"), ("sensor-id-list", "door;2"), ("smart-rec-cache", "15")],
    );
    // As DeepStream: relative to where the program runs.
    outcome.has("messages", &[("config-file", "cfg.txt"), ("topics", "a;b")]);
    outcome.says("other parts of DeepStream: application");
    assert_eq!(outcome.lost, 0);

    let outcome = case.convert(&(text.to_owned() + "source4:\n  enable: 1\n"));
    outcome.says("not taken over: [source4]: in the YAML form");
    let (import, report) = case.try_convert(&text.replace("sources.csv", "none.csv"));
    assert!(import.is_err() && report.has_losses());
}

#[test]
fn what_stands_behind_a_number_is_a_comment() {
    let text = "[source0]\nenable=1 # on\ntype=4 #RTSP\nuri=rtsp://cam0/s\nsmart-record=1\t;cloud\nsmart-rec-cache=15 s\n\
                rtsp-reconnect-attempts=-1 # for ever\n[source1]\nenable=0 # off\n";
    let outcome = TXT.convert(text);
    outcome.has("recorder", &[("uri-list", "rtsp://cam0/s"), ("smart-rec-cache", "15")]);
    assert_eq!(outcome.lost, 0, "{:?}", outcome.lines);
}

#[test]
fn a_source_list_s_names_do_not_replace_positions() {
    let list = |uris: &str, ids: &str| {
        format!("[source-list]\nlist={uris}\nsensor-id-list={ids}\n[source-attr-all]\nenable=1\nsmart-record=1\n")
            + &consumer(0, "")
    };
    let outcome = TXT.convert(&list("rtsp://a/s;rtsp://b/s", "door;gate"));
    outcome.has("recorder", &[("sensor-id-list", "door;gate")]);
    for (uris, ids, sensors) in [
        ("file:///a.mp4;rtsp://b/s", "door;gate", Some("1")),
        ("rtsp://a/s;rtsp://b/s", "1;0", None),
        ("rtsp://a/s;rtsp://b/s", "door;door", None),
        ("rtsp://a/s;rtsp://b/s", "door", None),
    ] {
        let outcome = TXT.convert(&list(uris, ids));
        assert_eq!(outcome.value("recorder", "sensor-id-list").as_deref(), sensors);
        outcome.says("note: [source-list] sensor-id-list: ");
    }
    let many = "rtsp://a/s;".repeat(1025);
    TXT.convert(&list(&many, "door")).says("not taken over: [source-list]: DeepStream and this command take 1024");
    let disabled = list("rtsp://a/s", "door").replace("enable=1\nsmart", "enable=0\nsmart");
    let (import, report) = TXT.try_convert(&disabled);
    assert!(import.is_err() && report.lines()[0].text.contains("[source-attr-all]: it is disabled"), "{report:?}");
}

#[test]
fn a_source_list_shares_its_keys() {
    let text = "[source-list]\nnum-source-bins=3\nlist=rtsp://a/s;file:///b.mp4;rtsp://c/s;\nuse-nvmultiurisrcbin=1\n\
                sensor-id-list=door;yard;gate\n[source-attr-all]\nenable=1\ntype=3\nsmart-record=1\nsmart-rec-cache=12\n\
                latency=50\n[source2]\nenable=1\nsmart-rec-cache=40\n"
        .to_owned()
        + &consumer(0, "");
    let outcome = TXT.convert(&text);
    outcome.says("[source1] type: 2; DeepStream records");
    outcome.says("note: [source-list] use-nvmultiurisrcbin: with it no message starts a recording in DeepStream");
    outcome.says("note: [source-list] sensor-id-list: messages call the sources 0, 1, ...");
    outcome.has("recorder0", &[("uri-list", "rtsp://a/s"), ("sensor-id-list", "0"), ("latency", "50")]);
    outcome.has("recorder1", &[("uri-list", "rtsp://c/s"), ("sensor-id-list", "2"), ("smart-rec-cache", "40")]);
    let outcome = TXT.convert(&text.replace("[source2]", "[source3]"));
    outcome.says("not taken over: [source3]: the list has 3 sources");
    outcome.has("recorder", &[("uri-list", "rtsp://a/s;rtsp://c/s"), ("sensor-id-list", "0;2")]);
}

#[test]
fn a_report_shows_no_password_and_no_control_characters() {
    let text = source(0, "uri=rtsp://user:secret@h/a;b") + &source(1, "a\u{1b}[31mb=1");
    let outcome = TXT.convert(&text);
    assert!(
        !outcome.lines.iter().any(|line| line.contains("secret") || line.contains('\u{1b}')),
        "{:?}",
        outcome.lines
    );
}
