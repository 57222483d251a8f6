//! A codelet that is woken by a thread of its own, by messages, or by both.
//!
//! The thread wakes it `wakes` times, each time after the tick before has come, so that every wake must make a tick.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use gxf::{
    AnyParameter, BoxError, Codelet, Component, ComponentInfo, Context, Handle, Parameter, Receiver, TickContext, Tid,
    Waker, log,
};

use crate::finishing::wait_for_the_finish;

static RX: Parameter<Handle<Receiver>> = Parameter::new("rx", "Receiver", "Messages").optional();
static WAKES: Parameter<u64> = Parameter::new("wakes", "Wakes", "How many events the thread makes").default(0);
static MESSAGES: Parameter<u64> =
    Parameter::new("messages", "Messages", "Finish only after as many messages").default(0);
static AFTER_FINISH: Parameter<bool> =
    Parameter::new("after-finish", "After a finish", "Begin when a codelet Finishing has finished").default(false);
static IDLE_MS: Parameter<u64> =
    Parameter::new("idle-ms", "Idle", "Milliseconds without events; the CPU time spent in them is logged").default(0);

/// Counts events and messages.
pub struct Listening {
    thread: Option<JoinHandle<()>>,
    ticked: Option<Sender<()>>,
    seen: Arc<AtomicU64>,
    wakes_seen: u64,
    messages: Arc<AtomicU64>,
    ticks: u64,
    waker: Option<Waker>,
}

impl Component for Listening {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("3858d197-c6bf-45b8-a456-a7375ebc0fc8"),
        type_name: "probe::Listening",
        display_name: "Listening",
        brief: "Is woken by events and by messages",
        description: "Is woken by a thread of its own and by messages, and logs how often",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&RX, &WAKES, &MESSAGES, &AFTER_FINISH, &IDLE_MS];

    fn new() -> Self {
        Listening {
            thread: None,
            ticked: None,
            seen: Arc::default(),
            wakes_seen: 0,
            messages: Arc::default(),
            ticks: 0,
            waker: None,
        }
    }
}

/// A waker that outlives its codelet, to show that this is harmless.
static LEFT: OnceLock<Waker> = OnceLock::new();

impl Codelet for Listening {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        for term in ["nvidia::gxf::OrSchedulingTermCombiner", "nvidia::gxf::PeriodicSchedulingTerm"] {
            log::info!("{term}: {}", context.has_scheduling_term(term));
        }
        let waker = context.waker()?;
        LEFT.get_or_init(|| waker.clone());
        self.waker = Some(waker.clone());
        let (ticked, inbox) = channel();
        self.ticked = Some(ticked);
        let events = Arc::clone(&self.seen);
        let messages = Arc::clone(&self.messages);
        let (wakes, wanted) = (context.get(&WAKES)?, context.get(&MESSAGES)?);
        let (after_finish, idle_ms) = (context.get(&AFTER_FINISH)?, context.get(&IDLE_MS)?);
        self.thread = Some(std::thread::spawn(move || {
            if after_finish {
                wait_for_the_finish();
            }
            drive(&waker, &events, &messages, &inbox, [wakes, wanted, idle_ms]);
        }));
        Ok(())
    }

    fn start(&mut self, _context: &Context<'_>) -> Result<(), BoxError> {
        log::info!("started");
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        self.ticks += 1;
        self.wakes_seen = self.seen.load(SeqCst);
        if let Some(receiver) = context.try_get(&RX)?
            && context.receive(&receiver)?.is_some()
        {
            self.messages.fetch_add(1, SeqCst);
        }
        if let Some(ticked) = &self.ticked {
            let _ = ticked.send(()); // The thread may be done.
        }
        Ok(())
    }

    fn stop(&mut self, _context: &Context<'_>) -> Result<(), BoxError> {
        let messages = self.messages.load(SeqCst);
        log::info!("{} wakes, {messages} messages seen", self.wakes_seen);
        log::info!("{} ticks more than that", self.ticks.saturating_sub(self.wakes_seen + messages));
        Ok(())
    }

    fn deinitialize(&mut self, _context: &Context<'_>) -> Result<(), BoxError> {
        self.ticked = None;
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| "the thread panicked")?;
        }
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // By now the waker has ended.
        if let Some(waker) = LEFT.get() {
            waker.wake();
            waker.finish();
        }
    }
}

fn drive(waker: &Waker, seen: &AtomicU64, messages: &AtomicU64, ticked: &Inbox<()>, plan: [u64; 3]) {
    let [wakes, wanted, idle_ms] = plan;
    while messages.load(SeqCst) < wanted {
        if ticked.recv().is_err() {
            return;
        }
    }
    if idle_ms > 0 {
        let before = cpu_ms();
        std::thread::sleep(std::time::Duration::from_millis(idle_ms)); // What is measured, not waited for.
        log::info!("{} ms of CPU in {idle_ms} ms without events", cpu_ms() - before);
    }
    for event in 1..=wakes {
        while ticked.try_recv().is_ok() {}
        seen.store(event, SeqCst);
        waker.wake();
        if ticked.recv().is_err() {
            return;
        }
    }
    waker.finish();
}

/// The CPU time of this process so far: fields 14 and 15 of /proc/self/stat, in hundredths of a second (proc(5)).
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10
}
