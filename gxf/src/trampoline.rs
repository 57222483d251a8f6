//! The one way from C++ into Rust: no panic crosses it, and each failure leaves one log line.
//!
//! Which function is called is the caller's business; what a failure is worth to GXF is [`Failure`].

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::code::SUCCESS;
use crate::{BoxError, Code, Error, log};

/// An error on its way to GXF.
pub(crate) struct Failure {
    pub code: Code,
    pub text: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { code: error.code(), text: error.to_string() }
    }
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        let code = error.downcast_ref::<Error>().map_or(Code::FAILURE, Error::code);
        Failure { code, text: error.to_string() }
    }
}

thread_local! {
    /// How many trampolines are on this thread's stack.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the panic that is being unwound began.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; turns its error or panic into a result code and one log line that begins with `who`.
pub(crate) fn enter<E: Into<Failure>>(who: impl Fn() -> String, body: impl FnOnce() -> Result<(), E>) -> i32 {
    DEPTH.set(DEPTH.get() + 1);
    // The value that a panic leaves half changed is reported as failed, and GXF calls it only to stop it.
    // The error becomes a text in here too: its Display is the author's and may panic.
    let result = catch_unwind(AssertUnwindSafe(|| body().map_err(E::into)));
    DEPTH.set(DEPTH.get() - 1);
    let failure = match result {
        Ok(Ok(())) => return SUCCESS,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure { code: Code::FAILURE, text: describe(panic.as_ref()) },
    };
    // What is left (`who`, the log) must not cross either if it panics.
    let logged = catch_unwind(AssertUnwindSafe(|| log::error!("{}: {}", who(), failure.text)));
    if logged.is_err() {
        log::error!("a GXF callback failed with {}, and so did the description of the failure", failure.code);
    }
    failure.code.raw()
}

/// What a panic says; only texts can be shown.
fn message(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("no message"),
    }
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = message(panic);
    match PLACE.take() {
        Some(place) => format!("panicked at {place}: {text}"),
        None => format!("panicked: {text}"),
    }
}

/// Sends the reports of panics to GXF's log. Each extension has its own copy of Rust's standard library, so this
/// changes nothing for the program or for other extensions.
pub(crate) fn report_panics_in_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
            if DEPTH.get() > 0 {
                PLACE.set(place); // The trampoline writes the line.
                return;
            }
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("without a name").to_owned();
            let text = message(info.payload());
            log::error!("thread {name} panicked at {}: {text}", place.as_deref().unwrap_or("an unknown place"));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that panics when it is shown.
    struct Unspeakable;

    impl From<Unspeakable> for Failure {
        fn from(_: Unspeakable) -> Self {
            panic!("no words")
        }
    }

    #[test]
    fn an_error_that_panics_when_shown_is_a_failure() {
        assert_eq!(enter(|| "who".to_owned(), || Err(Unspeakable)), Code::FAILURE.raw());
        assert_eq!(DEPTH.get(), 0, "the next panic outside is not taken for one inside");
    }

    #[test]
    fn a_panic_in_the_name_is_a_failure() {
        let body = || Err(Error::Misuse("what".to_owned()));
        assert_eq!(enter(|| panic!("no name"), body), Code::FAILURE.raw());
    }
}
