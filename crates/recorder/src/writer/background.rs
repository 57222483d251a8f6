//! Writing gives way to the live pipelines: its threads have a lower priority, where there are several sessions they leave
//! one processor to others, and of the sessions that have much to read, since they have just begun or their disk was slow,
//! few read at a time.
//! What the threads do is left to `file` and `session_thread`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Once, OnceLock};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::{Condvar, Mutex};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The nice value of threads that pull, mux, write and hash: a tenth of the weight of the live pipelines' threads (0).
const NICE: i32 = 10;

/// The sessions of this process that are being written.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Lowers the calling thread's priority, and takes one processor from it if its session is not the only one, for good.
/// Threads that it starts have it so, too.
fn give_way() {
    // On Linux this concerns the calling thread alone. It cannot fail for a higher value; if it did, all would work.
    let _ = rustix::process::setpriority_process(None, NICE);
    if WRITTEN.load(Ordering::Relaxed) > 1 {
        leave_one();
    }
}

/// The processor that is left to others: the first of those that the first session may use. `None` where the system does
/// not say.
static LEFT: OnceLock<Option<usize>> = OnceLock::new();

/// The first processor that the calling thread may use.
fn first_processor() -> Option<usize> {
    let own = sched_getaffinity(None).ok()?;
    (0..CpuSet::MAX_CPU).find(|processor| own.is_set(*processor))
}

/// Takes one processor from the calling thread, if it has others. A kernel without preemption interrupts no system call,
/// whatever its thread's priority: with writers on all processors a live buffer would now and then wait for milliseconds
/// (docs/past-interval.md). A single session has too few threads for that, and its file is there sooner with two.
fn leave_one() {
    // Where the system does not say, or refuses, all would work.
    let (Some(Some(left)), Ok(own)) = (LEFT.get(), sched_getaffinity(None)) else { return };
    if let Some(others) = without(own, *left) {
        let _ = sched_setaffinity(None, &others);
    }
}

/// `own` without the processor `left`; `None` if that leaves it as it is, as with a thread whose parent has left it already,
/// or nothing of it.
fn without(mut own: CpuSet, left: usize) -> Option<CpuSet> {
    let leaves = own.is_set(left) && own.count() > 1;
    own.unset(left);
    leaves.then_some(own)
}

/// Has GStreamer make its own pool of threads now, if it has none yet. With the process's first task it makes one, and GLib
/// gives all threads of such pools the priority of whoever makes the first (seen with 1.22.0 and 2.74.6): that must not be
/// one that gives way.
pub(crate) fn keep_pools_apart() {
    static MADE: Once = Once::new();
    MADE.call_once(|| drop(gst::Task::builder(|_| ()).build()));
}

/// Runs `work` on a thread that gives way, and waits for it.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    beside(work, || ()).0
}

/// The same for all that is done for a session; the system shows 15 characters of the thread's name.
pub(super) fn run_session<T: Send>(name: String, work: impl FnOnce() -> T + Send) -> T {
    // This thread does not give way: it has all processors that the process has.
    LEFT.get_or_init(first_processor);
    let _written = Written::begin();
    beside_as(name, work, || ()).0
}

/// A session is being written, until this is dropped.
struct Written;

impl Written {
    fn begin() -> Self {
        WRITTEN.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        WRITTEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread that gives way, `own` on the caller's meanwhile, and waits for both.
pub(super) fn beside<T: Send, U>(work: impl FnOnce() -> T + Send, own: impl FnOnce() -> U) -> (T, U) {
    beside_as("srec-io".into(), work, own)
}

fn beside_as<T: Send, U>(name: String, work: impl FnOnce() -> T + Send, own: impl FnOnce() -> U) -> (T, U) {
    // Either thread takes it: the caller's has to do where there is no other.
    let work = Mutex::new(Some(work));
    let take = || work.lock().take();
    let (result, own) = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name).spawn_scoped(scope, || {
            give_way();
            take().map(|work| work())
        });
        let own = own();
        // A panic of the work goes on as if it had been the caller's.
        (thread.ok().and_then(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))), own)
    });
    let result = match (result, take()) {
        (Some(result), _) => result,
        (None, Some(work)) => work(),
        // Whoever has taken it has returned its result or panicked.
        (None, None) => unreachable!("work that was taken has a result"),
    };
    (result, own)
}

/// Threads for the tasks of a recording's pipeline. GStreamer's own pool would hand a thread with a low priority to a
/// live pipeline afterwards, and only root may raise it again.
mod pool {
    use super::*;

    #[derive(Default)]
    pub struct Pool;

    #[glib::object_subclass]
    impl ObjectSubclass for Pool {
        const NAME: &'static str = "GstNvDsSmartRecordTaskPool";
        // As for the recordbin: two libraries of ours may be in one process.
        const ALLOW_NAME_CONFLICT: bool = true;
        type Type = super::Pool;
        type ParentType = gst::TaskPool;
    }

    impl ObjectImpl for Pool {}
    impl GstObjectImpl for Pool {}

    pub struct Handle(std::thread::JoinHandle<()>);

    impl gst::TaskHandle for Handle {
        fn join(self) {
            // A task's panic has been caught by GStreamer's bindings.
            drop(self.0.join());
        }
    }

    impl TaskPoolImpl for Pool {
        type Handle = Handle;

        fn push(&self, task: gst::subclass::TaskPoolFunction) -> Result<Option<Handle>, glib::Error> {
            let run = move || {
                give_way();
                task.call();
            };
            let thread = std::thread::Builder::new().name("srec-io".into()).spawn(run);
            thread.map(|thread| Some(Handle(thread))).map_err(|error| {
                glib::Error::new(gst::ResourceError::Failed, &format!("no thread for writing: {error}"))
            })
        }
    }
}

glib::wrapper! {
    /// See the module `pool`.
    pub struct Pool(ObjectSubclass<pool::Pool>) @extends gst::TaskPool, gst::Object;
}

static POOL: LazyLock<Pool> = LazyLock::new(glib::Object::new);

/// Gives a task that is being created a thread that gives way. For the bus's sync handler.
pub(super) fn adopt(status: &gst::message::StreamStatus) {
    let (kind, _) = status.get();
    let task = status.stream_status_object().and_then(|value| value.get::<gst::Task>().ok());
    if let Some(task) = task.filter(|_| kind == gst::StreamStatusType::Create) {
        task.set_pool(&*POOL);
    }
}

/// Whoever has a turn and gets nothing done for so long, hangs with its disk: the others go on without one.
const STUCK: Duration = Duration::from_millis(500);

/// The turns: half as many as there are processors, so that the others are there for the live pipelines.
struct Turns {
    free: usize,
    /// When somebody who had a turn last got something done.
    progress: Instant,
}

static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(|| {
    // Of the calling thread: all, or all but one.
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Mutex::new(Turns { free: processors.div_ceil(2), progress: Instant::now() })
});

static RETURNED: Condvar = Condvar::new();

/// The right to read much; given back when dropped.
pub(super) struct Turn {
    /// It was granted, and not just taken since all others hang.
    granted: bool,
}

impl Turn {
    /// Waits for it. Whoever has it gives it back when its disk does not go on.
    pub(super) fn take() -> Self {
        let mut turns = TURNS.lock();
        while turns.free == 0 {
            if turns.progress.elapsed() >= STUCK {
                return Self { granted: false };
            }
            RETURNED.wait_for(&mut turns, STUCK);
        }
        turns.free -= 1;
        turns.progress = Instant::now();
        Self { granted: true }
    }

    /// Something has been done.
    pub(super) fn progress(&self) {
        if self.granted {
            TURNS.lock().progress = Instant::now();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.granted {
            let mut turns = TURNS.lock();
            turns.free += 1;
            turns.progress = Instant::now();
            RETURNED.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_and_its_panic_comes_back() {
        assert_eq!(run(|| 7), 7);
        assert_eq!(beside(|| 7, || 8), (7, 8));
        assert!(std::panic::catch_unwind(|| run(|| panic!("x"))).is_err());
    }

    #[test]
    fn one_processor_is_left_and_no_second_one() {
        let mut own = CpuSet::new();
        (2..6).for_each(|processor| own.set(processor));
        let others = without(own, 2).unwrap();
        assert!(others.count() == 3 && !others.is_set(2));
        assert!(without(others, 2).is_none(), "threads that it starts keep what it has");
        let mut last = CpuSet::new();
        last.set(2);
        assert!(without(last, 2).is_none());
    }

    #[test]
    fn a_turn_that_is_never_given_back_stops_nobody() {
        let all: Vec<_> = std::iter::repeat_with(Turn::take).take_while(|turn| turn.granted).take(10_000).collect();
        assert!(!all.is_empty());
        drop(all);
        assert!(Turn::take().granted);
    }
}
