//! The parameters that say which broker, the same for both codelets: keys and meaning as NVIDIA documents them.
//! Checking their values is left to `trigger::broker`, whose errors name the parameter.

use std::path::{Path, PathBuf};

use gxf::{Context, FilePath, Parameter};
use trigger::broker::{Endpoint, Protocol};

use crate::error::Error;

pub(crate) static CONN_STR: Parameter<String> = Parameter::new(
    "conn-str",
    "Connection string",
    "Where the broker is: 'host;port', for example 'localhost;9092'. A protocol adaptor gets it as it is",
)
.default("");

pub(crate) static PROTO_LIB: Parameter<FilePath> = Parameter::new(
    "proto-lib",
    "Protocol",
    "Empty or 'builtin:kafka': Kafka. 'builtin:mqtt': MQTT. Both are built in. A path: that of a protocol adaptor, such as \
     DeepStream's libnvds_amqp_proto.so; where DeepStream is not installed, the built-in ones take the place of its adaptors \
     for Kafka and MQTT, and the log says so",
)
.default("");

pub(crate) static CONFIG_FILE: Parameter<FilePath> = Parameter::new(
    "config-file",
    "Settings of the broker",
    "A file with a group [message-broker] in the format of DeepStream's adaptors (cfg_kafka.txt and so on), for example with \
     user name, password and TLS. None: the defaults",
)
.optional();

pub(crate) static CFG_FILE: Parameter<FilePath> =
    Parameter::new("cfg-file", "Settings of the broker (2)", "The same as config-file, which may be set in its place")
        .optional();

pub(crate) static DEBUG: Parameter<bool> =
    Parameter::new("debug", "Log messages", "Write each message to the log, as a text, its first 2 KiB").default(false);

/// The broker that a graph names.
pub(crate) fn endpoint(context: &Context<'_>) -> Result<Endpoint, gxf::BoxError> {
    let path = |parameter| Ok::<_, gxf::Error>(context.try_get(parameter)?.map(|path: FilePath| path.0));
    let config_file = one_of(path(&CONFIG_FILE)?, path(&CFG_FILE)?)?;
    let proto_lib = context.get(&PROTO_LIB)?.0;
    // `Protocol` takes a text; a path that is not one is no name of a built-in protocol.
    let mut protocol = match proto_lib.to_str() {
        Some(text) => Protocol::parse(text).map_err(Error::Broker)?,
        None => Protocol::Adaptor(proto_lib),
    };
    if let Protocol::Adaptor(path) = &protocol
        && let Some((built_in, built_in_name)) = in_place_of(path)
    {
        gxf::log::warning!(
            "{}/{}: parameter 'proto-lib' = {}: there is no such file; {built_in_name} takes its place",
            context.entity_name(),
            context.component_name(),
            gxf::quoted(&path.display().to_string())
        );
        protocol = built_in;
    }
    Ok(Endpoint { protocol, conn_str: context.get(&CONN_STR)?, config_file })
}

/// DeepStream's graphs name its adaptors by their paths, and they are to run where it is not installed, too. What is built in
/// for the protocol of an adaptor that is not there, and the value of `proto-lib` that names it.
fn in_place_of(path: &Path) -> Option<(Protocol, &'static str)> {
    let built_in = match path.file_name()?.to_str()? {
        "libnvds_kafka_proto.so" => (Protocol::Kafka, "builtin:kafka"),
        "libnvds_mqtt_proto.so" => (Protocol::Mqtt, "builtin:mqtt"),
        _ => return None,
    };
    // A name without a folder is looked for in the loader's own folders.
    let is_missing = path.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) && !path.exists();
    is_missing.then_some(built_in)
}

/// An empty path is as good as none: a parameter file cannot take a value back.
fn one_of(config_file: Option<PathBuf>, cfg_file: Option<PathBuf>) -> Result<Option<PathBuf>, Error> {
    let set = |path: &PathBuf| !path.as_os_str().is_empty();
    match (config_file.filter(set), cfg_file.filter(set)) {
        (Some(config_file), Some(cfg_file)) if config_file != cfg_file => {
            Err(Error::TwoConfigFiles { config_file, cfg_file })
        }
        (config_file, cfg_file) => Ok(config_file.or(cfg_file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_takes_the_place_of_deepstream_s_adaptors_that_are_not_there() {
        let missing = |name: &str| in_place_of(&Path::new("/no/deepstream/lib").join(name));
        assert_eq!(missing("libnvds_kafka_proto.so"), Some((Protocol::Kafka, "builtin:kafka")));
        assert_eq!(missing("libnvds_mqtt_proto.so"), Some((Protocol::Mqtt, "builtin:mqtt")));
        assert_eq!(missing("libnvds_amqp_proto.so"), None);
        // Found by the loader or not, which only the loader can tell.
        assert_eq!(in_place_of(Path::new("libnvds_kafka_proto.so")), None);
        let folder = std::env::temp_dir().join(format!("proto_lib_{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let there = folder.join("libnvds_kafka_proto.so");
        std::fs::write(&there, "").unwrap();
        assert_eq!(in_place_of(&there), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn either_key_names_the_settings() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(one_of(None, None).unwrap(), None);
        assert_eq!(one_of(path("a"), None).unwrap(), path("a"));
        assert_eq!(one_of(path(""), path("b")).unwrap(), path("b"));
        assert_eq!(one_of(path("a"), path("a")).unwrap(), path("a"));
        let error = one_of(path("a"), path("b")).unwrap_err().to_string();
        assert!(error.contains("'config-file' = 'a'") && error.contains("'cfg-file' = 'b'"), "{error}");
    }
}
