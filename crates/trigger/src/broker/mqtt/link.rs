//! One connection to an MQTT broker, whatever its version: what can be asked of it, and what happens on it.
//! rumqttc has two sets of types for the two versions; above this line there is one.
//! It leaves the versions to `v3` and `v5`.

use std::time::{Duration, Instant};

use super::{
    super::Arrived,
    settings::{Settings, Version},
    v3::V3,
    v5::V5,
};

/// What happened on a connection.
#[derive(Debug)]
pub(super) enum Happened {
    /// The broker accepted the connection.
    Connected,
    /// The broker answered a subscription; the text says why it refused a topic.
    Subscribed(Result<(), String>),
    Message {
        message: Arrived,
        retained: bool,
    },
    /// The oldest message that was handed over is on its way under this number.
    Sent(u16),
    /// The broker took (`true`) or refused the message of this number.
    Acknowledged(u16, bool),
    /// Nothing that matters here.
    Other,
}

/// Why a connection is over.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: String,
    /// The oldest message that was handed over and not sent is larger than the broker allows.
    pub(super) too_large: bool,
}

impl Broken {
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), too_large: false }
    }
}

/// See the module. At most [`QUEUE`] requests may be given before `next` is called.
pub(super) trait Link: Send {
    /// The next event; `None` after `wait`.
    fn next(&mut self, wait: Duration) -> Result<Option<Happened>, Broken>;

    /// Asks for all messages of a topic. False: rumqttc refuses the topic.
    fn subscribe(&mut self, topics: &[String]) -> bool;

    /// Hands a message over. False: rumqttc refuses its topic.
    fn publish(&mut self, topic: &str, payload: Vec<u8>) -> bool;

    /// Tells the broker that this is the end.
    fn leave(&mut self);
}

/// Requests that a link takes without being polled.
pub(super) const QUEUE: usize = 128;
/// How long a broker may take to accept a connection, and to answer a subscription. rumqttc allows five seconds for the
/// first, and must not be interrupted in it.
const ANSWER: Duration = Duration::from_secs(6);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(200);

/// Connects, and waits until the broker accepts.
pub(super) fn connect(settings: &Settings) -> Result<Box<dyn Link>, String> {
    let mut link: Box<dyn Link> = match settings.version {
        Version::V3 => Box::new(V3::new(settings)),
        Version::V5 => Box::new(V5::new(settings)),
    };
    wait_for(&mut *link, "accept the connection", |happened| {
        matches!(happened, Happened::Connected).then_some(Ok(()))
    })?;
    Ok(link)
}

/// Waits for one answer of the broker; everything else that happens is passed to `answer` too.
pub(super) fn wait_for(
    link: &mut dyn Link,
    what: &str,
    mut answer: impl FnMut(Happened) -> Option<Result<(), String>>,
) -> Result<(), String> {
    let until = Instant::now() + ANSWER;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // A broker may say other things without end.
        let next = if left.is_zero() { None } else { link.next(left).map_err(|broken| broken.reason)? };
        let Some(happened) = next else {
            return Err(format!("the broker did not {what} within {} s", ANSWER.as_secs()));
        };
        if let Some(answered) = answer(happened) {
            return answered;
        }
    }
}

/// Ends a connection in good order, if the broker still takes part in that.
pub(super) fn leave(mut link: Box<dyn Link>) {
    link.leave();
    let until = Instant::now() + FAREWELL;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !matches!(link.next(left), Ok(Some(_))) {
            break;
        }
    }
}

/// The words of an enum's name, as in `BadUserNamePassword`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn reasons_are_words() {
        assert_eq!(super::words("BadUserNamePassword"), "bad user name password");
    }
}
