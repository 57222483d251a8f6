//! The element's signals: nvurisrcbin's, and the same for languages that have no pointers.
//! Recording is left to `imp`.

use std::sync::LazyLock;
use std::time::Duration;

use gst::glib;
use gst::glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SmartRecord;
use super::pointers::write_session;
use crate::public::UserData;

/// `sr-done`, as nvurisrcbin's.
pub(super) const SR_DONE: &str = "sr-done";

/// `recording-done`.
pub(super) const RECORDING_DONE: &str = "recording-done";

/// All of them.
pub(super) static SIGNALS: LazyLock<Vec<Signal>> = LazyLock::new(|| {
    let action = |name: &'static str| Signal::builder(name).run_last().action();
    vec![
        // guint32 *session (out, may be NULL), start time (s before), duration (s after; 0: the default), user data.
        action("start-sr")
            .param_types([glib::Type::POINTER, glib::Type::U32, glib::Type::U32, glib::Type::POINTER])
            .class_handler(|values| {
                answer(values, start_sr);
                None
            })
            .build(),
        // session
        action("stop-sr")
            .param_types([glib::Type::U32])
            .class_handler(|values| {
                answer(values, |element, values| Some(element.stop(Some(values.get(1)?.get().ok()?))));
                None
            })
            .build(),
        // NvDsSRRecordingInfo *info, user data of the start
        Signal::builder(SR_DONE).param_types([glib::Type::POINTER, glib::Type::POINTER]).run_last().build(),
        // seconds before now, seconds after now, event id or NULL -> session or -1
        action("start-recording")
            .param_types([glib::Type::F64, glib::Type::F64, glib::Type::STRING])
            .return_type::<i32>()
            .class_handler(|values| Some(answer(values, start_recording).unwrap_or(-1).to_value()))
            .build(),
        // session, or -1 for all of them -> whether there was one
        action("stop-recording")
            .param_types([glib::Type::I32])
            .return_type::<bool>()
            .class_handler(|values| Some(answer(values, stop_recording).unwrap_or(false).to_value()))
            .build(),
        // the structure of the message smart-record-done or smart-record-failed
        Signal::builder(RECORDING_DONE).param_types([gst::Structure::static_type()]).run_last().build(),
    ]
});

/// What the element answers to an emission; a panic becomes an error on the bus.
fn answer<T>(
    values: &[glib::Value],
    call: impl FnOnce(&super::imp::SmartRecord, &[glib::Value]) -> Option<T>,
) -> Option<T> {
    let element: SmartRecord = values.first()?.get().ok()?;
    element.imp().catch_panic(|| None, |imp| call(imp, values))
}

fn start_sr(element: &super::imp::SmartRecord, values: &[glib::Value]) -> Option<()> {
    let place: glib::Pointer = values.get(1)?.get().ok()?;
    let start = Duration::from_secs(values.get(2)?.get::<u32>().ok()?.into());
    let duration = Duration::from_secs(values.get(3)?.get::<u32>().ok()?.into());
    let user_data: glib::Pointer = values.get(4)?.get().ok()?;
    let duration = Some(duration).filter(|duration| !duration.is_zero());
    let session = element.start(start, duration, UserData(user_data), None)?;
    // SAFETY: who emits the signal passes NULL or a guint32 of its own, which outlives the emission.
    unsafe { write_session(place, session) };
    Some(())
}

fn start_recording(element: &super::imp::SmartRecord, values: &[glib::Value]) -> Option<i32> {
    let before = seconds(values.get(1)?.get().ok()?);
    let after = Some(seconds(values.get(2)?.get().ok()?)).filter(|after| !after.is_zero());
    let id: Option<String> = values.get(3)?.get().ok()?;
    i32::try_from(element.start(before, after, UserData::NONE, id)?).ok()
}

fn stop_recording(element: &super::imp::SmartRecord, values: &[glib::Value]) -> Option<bool> {
    let session: i32 = values.get(1)?.get().ok()?;
    Some(element.stop(u32::try_from(session).ok()))
}

/// What is not a positive number is nothing; what is longer than any clock runs is for ever.
fn seconds(value: f64) -> Duration {
    if value.is_nan() || value <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_seconds_count_and_nothing_is_too_strange() {
        assert_eq!(seconds(1.25), Duration::from_millis(1250));
        assert_eq!([seconds(-1.0), seconds(f64::NAN), seconds(0.0)], [Duration::ZERO; 3]);
        assert_eq!(seconds(f64::INFINITY), Duration::MAX);
        assert_eq!(seconds(1e300), Duration::MAX);
    }
}
