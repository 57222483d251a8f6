//! One function of librdkafka that the crate `rdkafka` does not have: the end of a partition as of its last fetch.
//! It asks nobody: the answer came along with the fetched messages, and is right also where ListOffsets is not.
//! It leaves what to make of the number to `subscriber`.
#![allow(unsafe_code)]

use std::ffi::CString;

use rdkafka::{
    bindings,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    types::RDKafkaRespErr,
};

/// The offset after the last message when the partition was fetched last; `None` before the first fetch.
pub(super) fn end_of_last_fetch<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: `native_ptr` is a live handle for as long as `consumer` is borrowed; the topic is NUL-terminated and both
    // offsets are writable for the call, which keeps none of the pointers (rdkafka.h).
    let result = unsafe {
        bindings::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    // Negative: not known yet (RD_KAFKA_OFFSET_INVALID).
    (result == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}
