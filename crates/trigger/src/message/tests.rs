//! Tests of `message`: DeepStream's rows, our own members, limits, hostile bytes.
//! The rows follow facts/smart-record-behaviour.md, section 3; where we differ, the case says so.
//! Times as such are tested in `utc`.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn ok(text: &str) -> Message {
    Message::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn err(text: &str) -> MessageError {
    match Message::parse(text.as_bytes()) {
        Ok(message) => panic!("{text} was read as {message:?}"),
        Err(error) => error,
    }
}

fn start_of(text: &str) -> (Option<Utc>, Option<Utc>, Option<Overlap>) {
    match ok(text).command {
        Command::Start { start, end, overlap } => (start, end, overlap),
        stop => panic!("{text} was read as {stop:?}"),
    }
}

/// 2020-05-18T20:02:00Z in nanoseconds, the moment of NVIDIA's sample message.
const BASE: i64 = 1_589_832_120_000_000_000;

#[test]
fn nvidias_sample_message() {
    let message = ok(r#"{"command":"start-recording","start":"2020-05-18T20:02:00.051Z",
        "end":"2020-05-18T20:02:02.851Z","sensor":{"id":"CAMERA_ID"},"vehicle":{"type":"x"}}"#);
    assert_eq!(
        message,
        Message {
            command: Command::Start {
                start: Some(Utc(BASE + 51_000_000)),
                end: Some(Utc(BASE + 2_851_000_000)),
                overlap: None,
            },
            sensor: "CAMERA_ID".into(),
            id: None,
            metadata: None,
        }
    );
}

#[test]
fn what_may_be_left_out() {
    // NVIDIA drops a start without "start"; ours means now.
    assert_eq!(start_of(r#"{"sensor":{"id":"0"}}"#), (None, None, None));
    let only_end = start_of(r#"{"end":"2020-05-18T20:02:00Z","sensor":{"id":"0"}}"#);
    assert_eq!(only_end, (None, Some(Utc(BASE)), None));
}

#[test]
fn a_stop_looks_only_at_what_concerns_it() {
    let stop = |text: &str| ok(text).command;
    assert_eq!(
        stop(r#"{"command":"stop-recording","start":"junk","end":null,"overlap":"merge","sensor":{"id":"0"}}"#),
        Command::Stop { session: None }
    );
    assert_eq!(
        stop(r#"{"command":"stop-recording","session":4294967295,"sensor":{"id":"0"}}"#),
        Command::Stop { session: Some(u32::MAX) }
    );
    assert_eq!(start_of(r#"{"session":"x","sensor":{"id":"0"}}"#), (None, None, None));
}

#[test]
fn sensor_ids_that_are_read() {
    for (id, read) in [
        (r#""cam""#, "cam"),
        (r#""  cam 7\t""#, "cam 7"),
        ("3", "3"),
        ("-1", "-1"),
        (r#""Käfer""#, "Käfer"),
        (r#""../../etc/passwd""#, "../../etc/passwd"),
    ] {
        assert_eq!(ok(&format!(r#"{{"sensor":{{"id":{id}}}}}"#)).sensor, read);
    }
}

#[test]
fn our_own_members() {
    let message = ok(r#"{"sensor":{"id":"0"},"id":"door-4711","overlap":"reject",
        "metadata":{"who":["a",1.5,null]}}"#);
    assert_eq!(message.id.as_deref(), Some("door-4711"));
    assert_eq!(message.metadata, Some(json!({"who": ["a", 1.5, null]})));
    assert!(matches!(message.command, Command::Start { overlap: Some(Overlap::Reject), .. }));
    assert_eq!("separate".parse::<Overlap>().unwrap().to_string(), "separate");
}

#[test]
fn of_a_name_given_twice_the_last_counts() {
    assert_eq!(ok(r#"{"sensor":{"id":"a"},"sensor":{"id":"b"}}"#).sensor, "b");
}

#[test]
fn every_refusal_says_what_and_what_is_allowed() {
    for (text, words) in [
        ("", &["empty", "one JSON object"][..]),
        (" \r\n\t", &["empty"]),
        ("null", &["null", "one JSON object"]),
        ("[1]", &["an array"]),
        ("\"x\"", &["\"x\""]),
        ("{", &["not JSON", "line 1"]),
        ("{} trailing", &["not JSON", "trailing"]),
        ("{\"sensor\":{\"id\":\"0\"}}\0", &["not JSON"]),
        // json-glib takes comments and single quotes; JSON does not have them.
        ("{'sensor':{'id':'0'}}", &["not JSON"]),
        (
            r#"{"command":"Start-Recording","sensor":{"id":"0"}}"#,
            &["\"command\" is \"Start-Recording\"", "stop-recording"],
        ),
        (r#"{"command":null,"sensor":{"id":"0"}}"#, &["\"command\" is null"]),
        (r#"{"command":1,"sensor":{"id":"0"}}"#, &["\"command\" is 1"]),
        ("{}", &["\"sensor\" is missing", "source index"]),
        (r#"{"sensor":"0"}"#, &["\"sensor\" is \"0\"", "object"]),
        (r#"{"sensor":{}}"#, &["\"sensor.id\" is missing"]),
        (r#"{"sensor":{"id":null}}"#, &["\"sensor.id\" is null"]),
        (r#"{"sensor":{"id":"  "}}"#, &["\"sensor.id\" is \"  \"", "1 to 256"]),
        (r#"{"start":null,"sensor":{"id":"0"}}"#, &["\"start\" is null", "RFC 3339"]),
        (r#"{"start":5,"sensor":{"id":"0"}}"#, &["\"start\" is 5"]),
        (r#"{"end":"soon","sensor":{"id":"0"}}"#, &["\"end\" is \"soon\"", "2020-05-18T20:02:00.051Z"]),
        (
            r#"{"start":"2020-05-18T20:02:00Z","end":"2020-05-18T20:02:00Z","sensor":{"id":"0"}}"#,
            &["is not after", "2020-05-18T20:02:00.000Z"],
        ),
        // Compared as moments, not as texts: 21:00+02:00 is 19:00Z.
        (
            r#"{"start":"2020-05-18T20:00:00Z","end":"2020-05-18T21:00:00+02:00","sensor":{"id":"0"}}"#,
            &["is not after"],
        ),
        (
            r#"{"overlap":"Separate","sensor":{"id":"0"}}"#,
            &["\"Separate\" is not known", "separate, extend, merge, reject"],
        ),
        (r#"{"overlap":7,"sensor":{"id":"0"}}"#, &["7 is not a string"]),
        (r#"{"command":"stop-recording","session":-1,"sensor":{"id":"0"}}"#, &["\"session\" is -1", "4294967295"]),
        (r#"{"command":"stop-recording","session":4294967296,"sensor":{"id":"0"}}"#, &["\"session\" is 4294967296"]),
        (r#"{"command":"stop-recording","session":1.5,"sensor":{"id":"0"}}"#, &["\"session\" is 1.5"]),
        (r#"{"command":"stop-recording","session":"1","sensor":{"id":"0"}}"#, &["\"session\" is \"1\""]),
        (r#"{"id":7,"sensor":{"id":"0"}}"#, &["\"id\" is 7", "at most 256 bytes"]),
        (r#"{"metadata":[],"sensor":{"id":"0"}}"#, &["\"metadata\" is an array", "65536 bytes"]),
    ] {
        let error = err(text).to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error:?} does not say {word:?}");
        }
        assert!(!error.contains('\n'), "{error:?} is not one line");
    }
}

#[test]
fn an_error_names_its_sender_as_far_as_that_was_readable() {
    let error = err(r#"{"command":"explode","id":"door-1","sensor":{"id":7}}"#);
    assert_eq!((error.id.as_deref(), error.sensor.as_deref()), (Some("door-1"), Some("7")));

    let error = err(r#"{"id":"door-1"}"#);
    assert_eq!((error.id.as_deref(), error.sensor), (Some("door-1"), None));

    let error = err(r#"{"id":[],"sensor":{"id":"cam"}}"#);
    assert_eq!((error.id, error.sensor.as_deref()), (None, Some("cam")));

    let error = err("garbage");
    assert_eq!((error.id, error.sensor), (None, None));
}

#[test]
fn text_that_is_no_utf_8_is_refused_wherever_it_stands() {
    let around = |bytes: &[u8]| [&br#"{"sensor":{"id":"0"},"other":""#[..], bytes, b"\"}"].concat();
    assert!(Message::parse(&around(b"ok")).is_ok());
    for bytes in [
        &b"\xff"[..],
        b"\xc0\xaf",         // "/" in two bytes
        b"\xed\xa0\x80",     // half a surrogate pair
        b"\xf4\x90\x80\x80", // beyond Unicode
        b"\xe2\x82",         // cut off
        br"\ud800",          // half a pair, escaped
        br"\udc00\ud800",    // a pair the wrong way round
        b"\x00",             // control characters must be escaped
    ] {
        let error = Message::parse(&around(bytes)).unwrap_err();
        assert!(matches!(error.reason, Error::NotJson { .. }), "{bytes:?}: {error}");
    }
    // A byte order mark and other encodings.
    for bytes in [&b"\xef\xbb\xbf{\"sensor\":{\"id\":\"0\"}}"[..], b"{\0\"\0", b"\xff\xfe{\0"] {
        assert!(matches!(Message::parse(bytes).unwrap_err().reason, Error::NotJson { .. }), "{bytes:?}");
    }
}

#[test]
fn numbers_of_any_size_are_read_or_refused() {
    let nines = "9".repeat(60_000);
    for (id, read) in [
        ("18446744073709551615", Some("18446744073709551615")),
        ("-0", Some("-0.0")),
        ("1.0", Some("1.0")),
        ("1e2", Some("100.0")),
        ("1e400", None),
        (nines.as_str(), None),
        ("01", None),
        ("0x1", None),
        ("+1", None),
        ("NaN", None),
        ("1.", None),
    ] {
        let message = Message::parse(format!(r#"{{"sensor":{{"id":{id}}}}}"#).as_bytes());
        assert_eq!(message.as_ref().ok().map(|message| message.sensor.as_str()), read, "{id:.20}");
    }
    // As text, numbers are names; a session must be a number.
    assert_eq!(ok(r#"{"sensor":{"id":"1e2"}}"#).sensor, "1e2");
    for session in ["1e0", "1.0", "-0", "\"3\"", "18446744073709551616", "4294967296"] {
        let text = format!(r#"{{"command":"stop-recording","session":{session},"sensor":{{"id":"0"}}}}"#);
        assert!(matches!(err(&text).reason, Error::BadMember { member: "session", .. }), "{text}");
    }
}

#[test]
fn times_of_any_size_are_read_or_refused() {
    let (all, none) = ("1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z");
    let (start, end, _) = start_of(&format!(r#"{{"start":"{all}","end":"{none}","sensor":{{"id":"0"}}}}"#));
    assert_eq!((start, end), (Some(Utc(i64::MIN)), Some(Utc(i64::MAX))));
    for time in ["1676-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "-1", ""] {
        let text = format!(r#"{{"start":"{time}","sensor":{{"id":"0"}}}}"#);
        assert!(matches!(err(&text).reason, Error::BadMember { member: "start", .. }), "{text}");
    }
    for time in ["1589832120", "-1", "1e300", "true"] {
        let text = format!(r#"{{"end":{time},"sensor":{{"id":"0"}}}}"#);
        assert!(matches!(err(&text).reason, Error::BadMember { member: "end", .. }), "{text}");
    }
    // A leap second is later than the second before it.
    let leap = r#"{"start":"2016-12-31T23:59:59.9Z","end":"2016-12-31T23:59:60Z","sensor":{"id":"0"}}"#;
    let (start, end, _) = start_of(leap);
    assert_eq!(end.unwrap().0 - start.unwrap().0, 100_000_000);
}

#[test]
fn metadata_is_only_so_deep_that_it_can_be_wrapped() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"metadata":{{"m":{open}{close},"n":[]}},"sensor":{{"id":"0"}}}}"#)
    };
    assert!(ok(&nested(MAX_METADATA_DEPTH)).metadata.is_some());
    let error = err(&nested(MAX_METADATA_DEPTH + 1));
    assert!(error.to_string().contains("nested at most 64 deep"), "{error}");
    assert!(matches!(err(&nested(127)).reason, Error::NotJson { .. }));
}

fn with_id(bytes: usize) -> String {
    json!({"id": "x".repeat(bytes), "sensor": {"id": "0"}}).to_string()
}

/// A message whose metadata has exactly `bytes` bytes as compact JSON: `{"m":"..."}` adds 8.
fn with_metadata(bytes: usize) -> String {
    json!({"metadata": {"m": "x".repeat(bytes - 8)}, "sensor": {"id": "0"}}).to_string()
}

#[test]
fn limits_hold_to_the_byte() {
    assert_eq!(ok(&with_id(256)).id.map(|id| id.len()), Some(256));
    assert!(matches!(err(&with_id(257)).reason, Error::BadMember { member: "id", .. }));

    assert!(ok(&with_metadata(MAX_METADATA_BYTES)).metadata.is_some());
    let error = err(&with_metadata(MAX_METADATA_BYTES + 1));
    assert!(error.to_string().contains("65537 bytes"), "{error}");

    let sensor = |bytes| json!({"sensor": {"id": "x".repeat(bytes)}}).to_string();
    assert_eq!(ok(&sensor(256)).sensor.len(), 256);
    assert!(matches!(err(&sensor(257)).reason, Error::BadMember { member: "sensor.id", .. }));

    let text = r#"{"sensor":{"id":"0"}}"#;
    let padded = |bytes: usize| text.to_owned() + &" ".repeat(bytes - text.len());
    assert_eq!(ok(&padded(MAX_MESSAGE_BYTES)).sensor, "0");
    assert!(matches!(
        err(&padded(MAX_MESSAGE_BYTES + 1)).reason,
        Error::MessageTooLong { bytes: 131_073, limit: 131_072 }
    ));
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    for open in ["[", "{\"a\":"] {
        let error = err(&format!("{{\"metadata\":{}", open.repeat(20_000)));
        assert!(matches!(error.reason, Error::NotJson { .. }), "{error}");
    }
}

/// JSON that resembles a message: right and wrong values under the names that are looked at.
fn near_message() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        ".{0,20}".prop_map(|text| json!(text)),
        any::<i64>().prop_map(|n| json!(Utc(n))),
        ".{0,8}".prop_map(|id| json!({"id": id})),
        Just(json!("stop-recording")),
        Just(json!(["separate"])),
    ];
    let name = prop::sample::select(vec![
        "command", "start", "end", "sensor", "session", "id", "overlap", "metadata", "other",
    ]);
    prop::collection::vec((name, value), 0..9).prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect())
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = Message::parse(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_read_keeps_its_promises(value in near_message()) {
        match Message::parse(value.to_string().as_bytes()) {
            Ok(message) => {
                prop_assert!((1..=MAX_SENSOR_BYTES).contains(&message.sensor.len()));
                if let Command::Start { start: Some(start), end: Some(end), .. } = message.command {
                    prop_assert!(start < end);
                }
            }
            // One line, and short: it goes into a log and a receipt.
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.len() < 1000 && !text.contains(['\n', '\u{1b}']), "{}", text);
            }
        }
    }
}
