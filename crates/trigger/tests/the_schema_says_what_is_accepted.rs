//! Promise: docs/schema/message.schema.json accepts what the parser accepts, and the parser what the schema accepts, but
//! for what no schema can say.
//! Left to others: what a message means (src/message), receipts and sidecars.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use trigger::{Error, MAX_ID_BYTES, MAX_METADATA_BYTES, MAX_SENSOR_BYTES, Message};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let path = repository().join("docs/schema/message.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Why the parser may refuse what the schema accepts (docs/schema/README.md).
fn no_schema_says(message: &Value, error: &Error) -> bool {
    let bytes = |value: &Value| value.as_str().map_or(0, |text| text.trim().len());
    match error {
        Error::EmptyInterval { .. } | Error::MessageTooLong { .. } => true,
        Error::BadMember { member: "metadata", .. } => message["metadata"].to_string().len() > MAX_METADATA_BYTES,
        Error::BadMember { member: "id", .. } => message["id"].as_str().is_some_and(|id| id.len() > MAX_ID_BYTES),
        // To a schema 1.0 is an integer.
        Error::BadMember { member: "session", .. } => message["session"].is_f64(),
        Error::BadMember { member: "sensor.id", .. } => bytes(&message["sensor"]["id"]) > MAX_SENSOR_BYTES,
        Error::BadMember { member: member @ ("start" | "end"), .. } => {
            message[*member].as_str().is_some_and(no_schema_knows_the_time)
        }
        _ => false,
    }
}

/// The 29th to 31st of a month that has fewer days, and the years that lie only partly in the range.
fn no_schema_knows_the_time(text: &str) -> bool {
    let year: u32 = text[..4].parse().unwrap();
    let day: u32 = text[8..10].parse().unwrap();
    day > 28 || year <= 1677 || year >= 2262
}

fn judge(message: &Value) -> Result<(), String> {
    let parsed = Message::parse(message.to_string().as_bytes());
    let valid = SCHEMA.validate(message);
    match (parsed, valid) {
        (Ok(_), Ok(())) | (Err(_), Err(_)) => Ok(()),
        (Ok(_), Err(fault)) => Err(format!("the parser accepts what the schema does not: {fault}\n{message}")),
        (Err(error), Ok(())) if no_schema_says(message, &error.reason) => Ok(()),
        (Err(error), Ok(())) => Err(format!("the schema accepts what the parser does not: {error}\n{message}")),
    }
}

/// Times of every shape, most of them right.
fn time() -> impl Strategy<Value = String> {
    let year = prop_oneof![6 => 1970u32..2100, 1 => 1500u32..2400];
    let fraction = prop_oneof![Just(String::new()), "[.,][0-9]{1,10}", "[.,]"];
    let offset = prop_oneof![
        2 => select(vec!["", "Z", "z"]).prop_map(str::to_owned),
        2 => "[+-][01][0-9]:[0-5][0-9]",
        1 => "[+-]2[0-6](:?[0-5][0-9])?",
        1 => "[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2}(\\.[0-9])?)?)?",
        1 => select(vec!["[UTC]", "Z[UTC]", " ", "+", "+1", "Zulu", "\n"]).prop_map(str::to_owned),
    ];
    let separator = prop_oneof![6 => Just('T'), 1 => select(vec!['t', ' ', '_'])];
    (year, 0u32..14, 0u32..33, separator, 0u32..26, 0u32..62, 0u32..63, fraction, offset).prop_map(
        |(year, month, day, separator, hour, minute, second, fraction, offset)| {
            format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
        },
    )
}

/// What may be anywhere, and is right almost nowhere.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"id": {}})),
    ]
}

/// Text around a limit of bytes, in letters of one to four bytes.
fn text_near(limit: usize) -> impl Strategy<Value = String> {
    (select(vec!['x', 'ä', '€', '😀', '\n']), limit / 4 - 2..limit + 3)
        .prop_map(|(letter, count)| std::iter::repeat_n(letter, count).collect())
}

fn sensor() -> impl Strategy<Value = Value> {
    let id = prop_oneof![
        4 => "[a-z0-9 ]{0,8}".prop_map(Value::from),
        2 => (any::<bool>(), text_near(MAX_SENSOR_BYTES)).prop_map(|(blanks, text)| {
            Value::from(if blanks { format!(" \t{text}  ") } else { text })
        }),
        1 => any::<u32>().prop_map(Value::from),
        1 => "\\s{0,3}".prop_map(Value::from),
        1 => anything(),
    ];
    prop_oneof![
        8 => id.prop_map(|id| json!({"id": id})),
        1 => "[a-z]{1,4}".prop_map(|id| json!({"id": id, "type": "camera"})),
        1 => anything(),
    ]
}

/// A member's name and value; each is right more often than not.
fn member() -> impl Strategy<Value = (&'static str, Value)> {
    let of = |name, right: BoxedStrategy<Value>| {
        prop_oneof![6 => right, 1 => anything()].prop_map(move |value| (name, value)).boxed()
    };
    let metadata = prop_oneof![
        4 => Just(json!({"plate": ["B-XY", 123, null]})),
        1 => (MAX_METADATA_BYTES - 12..MAX_METADATA_BYTES).prop_map(|count| json!({"m": "x".repeat(count)})),
    ];
    prop_oneof![
        2 => of("command", select(vec!["start-recording", "stop-recording", "Start-Recording"]).prop_map(Value::from).boxed()),
        3 => of("start", time().prop_map(Value::from).boxed()),
        3 => of("end", time().prop_map(Value::from).boxed()),
        2 => of("overlap", select(vec!["separate", "extend", "merge", "reject", "Merge"]).prop_map(Value::from).boxed()),
        2 => of("session", prop_oneof![
            select(vec![0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1]).prop_map(Value::from),
            select(vec![1.0, 1.5, -1.0]).prop_map(Value::from),
        ].boxed()),
        2 => of("id", prop_oneof![".{0,20}", text_near(MAX_ID_BYTES)].prop_map(Value::from).boxed()),
        1 => of("metadata", metadata.boxed()),
        1 => of("vehicle", Just(json!({"type": "sedan"})).boxed()),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let members = prop::collection::vec(member(), 0..4);
    (prop::option::weighted(0.95, sensor()), members).prop_map(|(sensor, members)| {
        let sensor = sensor.map(|sensor| ("sensor", sensor));
        let members = sensor.into_iter().chain(members).map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect::<Map<_, _>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn parser_and_schema_agree_on_any_message(message in message()) {
        prop_assert_eq!(judge(&message), Ok(()));
    }

    #[test]
    fn parser_and_schema_agree_on_any_json(message in anything()) {
        prop_assert_eq!(judge(&message), Ok(()));
    }
}

#[test]
fn what_no_schema_can_say_is_refused_by_the_parser_alone() {
    let base = |name: &str, value: Value| json!({"sensor": {"id": "gate"}, name: value});
    let mut empty = base("start", "2026-11-23T10:00:00Z".into());
    empty["end"] = "2026-11-23T11:00:00+02:00".into();
    let messages = [
        empty,
        base("start", "2026-02-29T10:00:00Z".into()),
        base("end", "2262-12-31T10:00:00Z".into()),
        json!({"command": "stop-recording", "sensor": {"id": "gate"}, "session": 1.0}),
        base("id", "ä".repeat(129).into()),
        json!({"sensor": {"id": "ä".repeat(129)}}),
        base("metadata", json!({"m": "x".repeat(MAX_METADATA_BYTES)})),
    ];
    for message in messages {
        assert!(SCHEMA.is_valid(&message), "{message}");
        assert!(Message::parse(message.to_string().as_bytes()).is_err(), "{message}");
    }
}

/// Every JSON object of a text that names a sensor as messages do.
fn examples(text: &str) -> Vec<Value> {
    let opened = text.match_indices('{').map(|(at, _)| at);
    let objects = opened.filter_map(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok());
    objects.filter(|object: &Value| object["sensor"].is_object() && object.get("receipt").is_none()).collect()
}

#[test]
fn every_example_in_the_documents_and_graphs_is_accepted() {
    let found = |folder: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(repository().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    };
    let documents = |path: &PathBuf| path.extension().is_some_and(|end| end == "md" || end == "yaml");
    let files: Vec<_> = ["", "graphs", "docs", "docs/schema"].iter().flat_map(|folder| found(folder)).collect();
    let mut count = 0;
    for path in files.iter().filter(|path| documents(path)) {
        for example in examples(&std::fs::read_to_string(path).unwrap()) {
            Message::parse(example.to_string().as_bytes())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            SCHEMA.validate(&example).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
            count += 1;
        }
    }
    // README.md has two, and graphs/messages-from-file.yaml one.
    assert!(count >= 3, "{count} examples found");
}
