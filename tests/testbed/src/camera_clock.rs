//! A camera's own clock, which may be far off ours: what its RTCP sender reports say that the time is.
//! Rewrites the NTP time of the reports of one RTSP media, from their RTP time alone, so that it is exact for each frame
//! however busy the machine is.
//! Left to others: who reads the reports; the frames' distances (`frame_log`).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gst::prelude::*;
use parking_lot::{Condvar, Mutex};

use crate::scene::AUDIO_RATE;
use crate::{Error, HANG_GUARD};

/// RTP clock rate of video (RFC 6184, RFC 7798).
const VIDEO_RATE: u32 = 90_000;
/// NTP counts from 1900, Unix from 1970 (RFC 868).
const NTP_TO_UNIX_SECONDS: i128 = 2_208_988_800;
const SECOND: i128 = 1_000_000_000;
/// Packet type of a sender report (RFC 3550, 12.1).
const SENDER_REPORT: u8 = 200;

/// The first frame: its RTP time, and nanoseconds since 1970 by the camera's clock.
#[derive(Debug, Clone, Copy)]
struct Zero {
    rtp: u32,
    unix_ns: i128,
}

#[derive(Debug, Default)]
struct State {
    zero: Option<Zero>,
    withheld: bool,
    reports: u32,
}

/// The clock of one camera.
#[derive(Debug)]
pub(crate) struct CameraClock {
    /// How far it is ahead of this machine's, in nanoseconds; negative: behind.
    ahead_ns: i128,
    state: Mutex<State>,
    reported: Condvar,
}

impl CameraClock {
    /// A clock that is `ahead_ms` milliseconds ahead of this machine's (negative: behind).
    pub(crate) fn new(ahead_ms: i64) -> Arc<Self> {
        Arc::new(Self { ahead_ns: i128::from(ahead_ms) * 1_000_000, state: Mutex::default(), reported: Condvar::new() })
    }

    /// No sender report leaves the camera as long as they are withheld.
    pub(crate) fn withhold_reports(&self, withheld: bool) {
        self.state.lock().withheld = withheld;
    }

    /// Waits until a sender report of the video has left that is newer than all before this call.
    pub(crate) fn wait_for_report(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        let before = state.reports;
        while state.reports == before {
            if self.reported.wait_for(&mut state, HANG_GUARD).timed_out() {
                let seen = format!("{before} reports");
                return Err(Error::Hung { what: "a sender report".to_owned(), waited: HANG_GUARD, seen });
            }
        }
        Ok(())
    }

    /// When the first frame was captured, by this clock: a whole millisecond, as messages can name it.
    pub(crate) fn zero(&self) -> Option<SystemTime> {
        let unix_ns = u64::try_from(self.state.lock().zero?.unix_ns).ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_ns))
    }

    /// Follows a new media: `payloaders` are its streams', video first.
    pub(crate) fn follow(self: &Arc<Self>, payloaders: &[gst::Element]) {
        self.state.lock().zero = None;
        for payloader in payloaders {
            // RTP time then is running time, and the same for both streams.
            payloader.set_property("timestamp-offset", 0_u32);
        }
        let Some(pad) = payloaders.first().and_then(|payloader| payloader.static_pad("src")) else { return };
        let clock = Arc::clone(self);
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let first = info.buffer().map(AsRef::as_ref).or_else(|| info.buffer_list().and_then(|list| list.get(0)));
            let bytes = first.and_then(|buffer| buffer.map_readable().ok());
            match bytes.as_deref().and_then(|bytes| word(bytes, 4)) {
                Some(rtp) => {
                    clock.begin(rtp);
                    gst::PadProbeReturn::Remove
                }
                None => gst::PadProbeReturn::Ok,
            }
        });
    }

    fn begin(&self, rtp: u32) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let unix_ns = i128::from(now.as_millis() as u64) * 1_000_000 + self.ahead_ns;
        self.state.lock().zero = Some(Zero { rtp, unix_ns });
    }

    /// Rewrites the reports that leave through a pad of the media's `rtpbin`.
    pub(crate) fn watch(self: &Arc<Self>, pad: &gst::Pad) {
        let Some(session) = pad.name().strip_prefix("send_rtcp_src_").map(str::to_owned) else { return };
        // A media's sessions are numbered as its streams are, and video is the first.
        let rate = if session == "0" { VIDEO_RATE } else { AUDIO_RATE };
        let clock = Arc::clone(self);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let Some(mut packet) = info.buffer_mut().and_then(|buffer| buffer.make_mut().map_writable().ok()) else {
                return gst::PadProbeReturn::Ok;
            };
            if clock.rewrite(&mut packet, rate) { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
        });
    }

    /// Rewrites a compound RTCP packet (RFC 3550, 6.4.1: a sender report is its first). False: it is not to leave.
    fn rewrite(&self, packet: &mut [u8], rate: u32) -> bool {
        if packet.get(1) != Some(&SENDER_REPORT) {
            return true;
        }
        let mut state = self.state.lock();
        let (Some(zero), Some(rtp)) = (state.zero, word(packet, 16)) else { return false };
        if state.withheld {
            return false;
        }
        // Since RTP time is running time, `zero.rtp` means the same moment at every rate.
        let since_zero =
            i128::from(rtp) * SECOND / i128::from(rate) - i128::from(zero.rtp) * SECOND / i128::from(VIDEO_RATE);
        let Some(field) = packet.get_mut(8..16) else { return false };
        field.copy_from_slice(&ntp(zero.unix_ns + since_zero).to_be_bytes());
        if rate == VIDEO_RATE {
            state.reports += 1;
            self.reported.notify_all();
        }
        true
    }
}

/// Big-endian 32 bits.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Nanoseconds since 1970 as a 64-bit NTP time: 32 bits of seconds, 32 of their fraction, rounded down as GStreamer does.
fn ntp(unix_ns: i128) -> u64 {
    let fraction = (unix_ns.rem_euclid(SECOND) << 32) / SECOND;
    (((unix_ns.div_euclid(SECOND) + NTP_TO_UNIX_SECONDS) << 32) | fraction) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rtp: u32) -> [u8; 28] {
        let mut packet = [0; 28];
        (packet[0], packet[1], packet[3]) = (0x80, SENDER_REPORT, 6);
        packet[16..20].copy_from_slice(&rtp.to_be_bytes());
        packet
    }

    #[test]
    fn a_report_says_the_camera_s_time() {
        let clock = CameraClock::new(0);
        assert!(!clock.rewrite(&mut report(0), VIDEO_RATE), "before the first frame there is nothing to say");
        clock.state.lock().zero = Some(Zero { rtp: 45_000, unix_ns: 7 * SECOND });
        for (rate, rtp) in [(VIDEO_RATE, 90_000), (AUDIO_RATE, AUDIO_RATE)] {
            let mut packet = report(rtp);
            assert!(clock.rewrite(&mut packet, rate));
            let said = u64::from_be_bytes(packet[8..16].try_into().unwrap());
            assert_eq!(said, (2_208_988_807_u64 << 32) | 1 << 31, "half a second after the first frame");
        }
        clock.withhold_reports(true);
        assert!(!clock.rewrite(&mut report(90_000), VIDEO_RATE));
        let mut other = report(0);
        other[1] = 201;
        assert!(clock.rewrite(&mut other, VIDEO_RATE), "receiver reports and the like pass");
    }
}
