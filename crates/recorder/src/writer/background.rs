//! Writing gives way to the live pipelines: its threads have a lower priority, and of the sessions that have much to
//! read, since they have just begun or their disk was slow, few read at a time.
//! What the threads do is left to `file` and `session_thread`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use parking_lot::{Condvar, Mutex};

/// The nice value of threads that mux, write and hash: a tenth of the weight of the live pipelines' threads (0).
const NICE: i32 = 10;

/// Lowers the calling thread's priority, for good.
fn give_way() {
    // On Linux this concerns the calling thread alone. It cannot fail for a higher value; if it did, all would work.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Runs `work` on a thread that gives way, and waits for it.
pub(super) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("srec-io".into()).spawn_scoped(scope, || {
            give_way();
            work()
        });
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            // A panic goes on where it would have been without the thread.
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // Without a thread of its own the caller's has to do: `work` has not been run.
            Err(error) => std::panic::panic_any(format!("no thread for writing: {error}")),
        }
    })
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

/// How many sessions may read much at a time: half of the processors, so that the others are there for the live
/// pipelines.
struct Turns {
    free: Mutex<usize>,
    returned: Condvar,
}

static TURNS: LazyLock<Turns> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Turns { free: Mutex::new((processors / 2).max(1)), returned: Condvar::new() }
});

/// The right to read much; given back when dropped.
pub(super) struct Turn(());

impl Turn {
    /// Waits for it. Whoever has it must give it back when its disk does not go on.
    pub(super) fn take() -> Self {
        let mut free = TURNS.free.lock();
        while *free == 0 {
            TURNS.returned.wait(&mut free);
        }
        *free -= 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURNS.free.lock() += 1;
        TURNS.returned.notify_one();
    }
}
