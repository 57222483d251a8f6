//! Counts the frames that reach each recordbin of this process, and times how long each of them is held there.
//! A GStreamer tracer: it sees the engine from outside, and the engine knows nothing of it.
//! What the figures mean is left to the cases.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::Mutex;

/// What has reached one recordbin's video pad.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reached {
    /// Frames so far.
    pub frames: u64,
    /// Time stamp of the newest one, nanoseconds.
    pub newest_pts_ns: Option<u64>,
    /// The longest that any buffer was inside the recordbin.
    pub longest: Duration,
}

/// By the number of the recordbin: they are numbered by GStreamer in the order in which they are made.
static REACHED: LazyLock<Mutex<Vec<Reached>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// The recordbin that this thread is in, and since when.
    static INSIDE: Cell<Option<(usize, Instant)>> = const { Cell::new(None) };
}

/// Figures of recordbin `number`.
pub fn reached(number: usize) -> Reached {
    REACHED.lock().get(number).copied().unwrap_or_default()
}

/// Begins to count, until the process ends.
pub fn start() {
    // Tracers live as long as GStreamer does.
    std::mem::forget(glib::Object::new::<Meter>());
}

/// What GStreamer calls recordbins when nobody names them.
const NAME: &str = "nvdssmartrecordbin";

/// The number of the recordbin that `pad` pushes to, if it does.
fn recordbin(pad: &gst::Pad) -> Option<usize> {
    let peer = pad.peer()?;
    let number = peer.parent_element()?.name().strip_prefix(NAME)?.parse().ok()?;
    (peer.name() == "sink").then_some(number)
}

glib::wrapper! {
    /// See the module.
    pub struct Meter(ObjectSubclass<imp::Meter>) @extends gst::Tracer, gst::Object;
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Meter;

    #[glib::object_subclass]
    impl ObjectSubclass for Meter {
        const NAME: &'static str = "ChaosMeter";
        type Type = super::Meter;
        type ParentType = gst::Tracer;
    }

    impl ObjectImpl for Meter {
        fn constructed(&self) {
            self.parent_constructed();
            self.register_hook(TracerHook::PadPushPre);
            self.register_hook(TracerHook::PadPushPost);
        }
    }

    impl GstObjectImpl for Meter {}

    impl TracerImpl for Meter {
        fn pad_push_pre(&self, _: u64, pad: &gst::Pad, buffer: &gst::Buffer) {
            let Some(number) = recordbin(pad) else { return };
            let mut all = REACHED.lock();
            if all.len() <= number {
                all.resize(number + 1, Reached::default());
            }
            all[number].frames += 1;
            all[number].newest_pts_ns = buffer.pts().map(gst::ClockTime::nseconds);
            drop(all);
            INSIDE.set(Some((number, Instant::now())));
        }

        fn pad_push_post(&self, _: u64, pad: &gst::Pad, _: Result<gst::FlowSuccess, gst::FlowError>) {
            if let Some((number, since)) = INSIDE.get()
                && recordbin(pad) == Some(number)
            {
                INSIDE.set(None);
                if let Some(reached) = REACHED.lock().get_mut(number) {
                    reached.longest = reached.longest.max(since.elapsed());
                }
            }
        }
    }
}
