//! When a camera makes its frames: the bridge between frame numbers and UTC, free of the jitter of a busy machine.
//! Left to others: the camera's own log of its frames (`testbed::FrameLog`), and what is asked of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testbed::RtspCamera;

use super::{system_nanos, utc_millis};

const SECOND_NS: i128 = 1_000_000_000;

/// When the camera makes its frames: its clock ticks evenly, and the least delayed frame tells where.
pub struct Schedule {
    first_ns: i128,
    fps: i128,
}

impl Schedule {
    /// From the frames that the camera has made so far, at least one.
    pub fn of(camera: &RtspCamera, fps: u32) -> Self {
        let (frames, fps) = (camera.frames(), i128::from(fps));
        let made = |counter| frames.time_of(counter).map(system_nanos);
        let firsts = (0..frames.len()).filter_map(|n| Some(made(n)? - i128::from(n) * SECOND_NS / fps));
        Self { first_ns: firsts.min().unwrap(), fps }
    }

    /// The middle of a frame's time on screen: farthest from where the next frame begins.
    pub fn middle_of(&self, counter: u32) -> SystemTime {
        let at = self.first_ns + (2 * i128::from(counter) + 1) * SECOND_NS / (2 * self.fps);
        UNIX_EPOCH + Duration::from_nanos(at.try_into().unwrap())
    }

    /// A message that asks for the frames on screen from `first` to `last`, in UTC with milliseconds.
    pub fn start(&self, sensor: &str, id: &str, first: u32, last: u32) -> Value {
        json!({"command": "start-recording", "sensor": {"id": sensor}, "id": id,
               "start": utc_millis(self.middle_of(first)), "end": utc_millis(self.middle_of(last))})
    }

    /// The frame on screen at a moment, in nanoseconds since 1970.
    pub fn on_screen(&self, at: i128) -> u32 {
        u32::try_from((at - self.first_ns) * self.fps / SECOND_NS).unwrap()
    }
}
