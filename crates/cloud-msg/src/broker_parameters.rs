//! The parameters that say which broker, the same for both codelets: keys and meaning as NVIDIA documents them.
//! Checking their values is left to `trigger::broker`, whose errors name the parameter.

use std::path::PathBuf;

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
     DeepStream's libnvds_amqp_proto.so",
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
    let protocol = match proto_lib.to_str() {
        Some(text) => Protocol::parse(text).map_err(Error::Broker)?,
        None => Protocol::Adaptor(proto_lib),
    };
    Ok(Endpoint { protocol, conn_str: context.get(&CONN_STR)?, config_file })
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
