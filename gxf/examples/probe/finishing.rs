//! A codelet that wakes itself and finishes, both in its ticks.
//!
//! What the scheduler does afterwards is measured by [`super::listening`].

use std::sync::{Condvar, Mutex, PoisonError};

use gxf::{
    AnyParameter, BoxError, Codelet, Component, ComponentInfo, Context, Parameter, TickContext, Tid, Waker, log,
};

static TICKS: Parameter<u64> = Parameter::new("ticks", "Ticks", "It finishes in this one").default(1);

/// Whether one has finished; there is one graph in a process.
static FINISHED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// Waits until a codelet has finished.
pub fn wait_for_the_finish() {
    let finished = FINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = CHANGED.wait_while(finished, |finished| !*finished);
    drop(waited.unwrap_or_else(PoisonError::into_inner));
}

/// Ticks a few times.
pub struct Finishing {
    waker: Option<Waker>,
    ticks: u64,
}

impl Component for Finishing {
    const INFO: ComponentInfo = ComponentInfo {
        tid: Tid::parse("d1e7b2a4-3c5f-4a0e-8c1d-52f60b7c9a11"),
        type_name: "probe::Finishing",
        display_name: "Finishing",
        brief: "Finishes in one of its ticks",
        description: "Wakes itself in each tick, finishes in one of them, and logs how many there were",
    };
    const PARAMETERS: &'static [&'static dyn AnyParameter] = &[&TICKS];

    fn new() -> Self {
        Finishing { waker: None, ticks: 0 }
    }
}

impl Codelet for Finishing {
    fn initialize(&mut self, context: &Context<'_>) -> Result<(), BoxError> {
        let waker = context.waker()?;
        waker.wake();
        self.waker = Some(waker);
        Ok(())
    }

    fn tick(&mut self, context: &TickContext<'_>) -> Result<(), BoxError> {
        self.ticks += 1;
        let waker = self.waker.as_ref().ok_or("a tick before it was initialized")?;
        if self.ticks < context.get(&TICKS)? {
            waker.wake();
        } else {
            waker.finish();
            *FINISHED.lock().unwrap_or_else(PoisonError::into_inner) = true;
            CHANGED.notify_all();
        }
        Ok(())
    }

    fn stop(&mut self, _context: &Context<'_>) -> Result<(), BoxError> {
        log::info!("{} ticks until the finish", self.ticks);
        Ok(())
    }
}
