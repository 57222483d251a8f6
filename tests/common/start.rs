//! Starts a recording whatever way messages go: a camera can be recorded once its source has sent a keyframe, so that the
//! first attempts may be rejected.
//! Left to others: how messages and answers travel.

use testbed::RtspCamera;

use super::Run;

/// Has starts sent until one is accepted; the camera's frames pace the attempts. `send` sends a start with this event id,
/// `accepted` waits for its answer. Returns the event id of the one that was accepted.
pub fn start_until_accepted(
    run: &mut Run,
    camera: &RtspCamera,
    send: impl Fn(&str),
    mut accepted: impl FnMut(&mut Run, &str) -> bool,
) -> String {
    run.wait_for_frame(camera, 15);
    for attempt in 0.. {
        let id = format!("attempt {attempt}");
        send(&id);
        if accepted(run, &id) {
            return id;
        }
        run.wait_for_frame(camera, camera.frames().len());
    }
    unreachable!("attempts do not end");
}
