//! A codelet that waits for events of another thread under each scheduler, or for events and messages under
//! EventBasedScheduler, which alone looks at such an entity when a message comes.

mod common;
use common::{EVENT_BASED, Graph, SCHEDULERS};

/// A codelet that is woken `wakes` times.
fn events(wakes: u64, idle_ms: u64) -> String {
    format!(
        "
name: listener
components:
- {{name: events, type: nvidia::gxf::AsynchronousSchedulingTerm}}
- {{name: listening, type: probe::Listening, parameters: {{wakes: {wakes}, idle-ms: {idle_ms}}}}}
"
    )
}

/// The same with messages too: this is the YAML that gxf/README.md recommends.
fn events_or_messages(wakes: u64, messages: u64, wanted: u64, idle_ms: u64) -> String {
    let parameters = format!("{{rx: signal, wakes: {wakes}, messages: {wanted}, idle-ms: {idle_ms}}}");
    format!(
        "
name: tx
components:
- {{name: signal, type: nvidia::gxf::DoubleBufferTransmitter}}
- {{name: ping, type: example::PingTx, parameters: {{signal: signal}}}}
- {{type: nvidia::gxf::CountSchedulingTerm, parameters: {{count: {messages}}}}}
- {{type: nvidia::gxf::DownstreamReceptiveSchedulingTerm, parameters: {{transmitter: signal, min_size: 1}}}}
---
components:
- {{type: nvidia::gxf::Connection, parameters: {{source: tx/signal, target: listener/signal}}}}
---
name: listener
components:
- {{name: signal, type: nvidia::gxf::DoubleBufferReceiver}}
- {{name: arrived, type: nvidia::gxf::MessageAvailableSchedulingTerm, parameters: {{receiver: signal, min_size: 1}}}}
- {{name: events, type: nvidia::gxf::AsynchronousSchedulingTerm}}
- {{type: nvidia::gxf::OrSchedulingTermCombiner, parameters: {{terms: [arrived, events]}}}}
- {{name: listening, type: probe::Listening, parameters: {parameters}}}
"
    )
}

fn runs(scheduler: &str, graph: &str, wakes: u64, messages: u64) {
    let outcome = Graph::new(graph).scheduler(scheduler).run();
    outcome.succeeded();
    outcome.says_once(&format!("{wakes} wakes, {messages} messages seen"));
    assert_eq!(outcome.count("ERROR"), 0, "{scheduler}: {outcome}");
}

fn each_scheduler(graph: &str, wakes: u64) {
    for scheduler in SCHEDULERS {
        runs(scheduler, graph, wakes, 0);
    }
}

#[test]
fn every_wake_makes_a_tick_and_the_graph_ends() {
    each_scheduler(&events(100, 0), 100);
}

#[test]
fn a_finish_without_any_wake_ends_the_graph() {
    each_scheduler(&events(0, 0), 0);
}

#[test]
fn messages_wake_as_well() {
    runs(EVENT_BASED, &events_or_messages(0, 100, 100, 0), 0, 100);
}

#[test]
fn wakes_after_messages() {
    runs(EVENT_BASED, &events_or_messages(20, 20, 20, 0), 20, 20);
}

#[test]
fn messages_after_the_finish_are_still_seen() {
    runs(EVENT_BASED, &events_or_messages(0, 50, 0, 0), 0, 50);
}

#[test]
fn waiting_makes_no_ticks() {
    for scheduler in SCHEDULERS {
        let outcome = Graph::new(&events(1, 1000)).scheduler(scheduler).run();
        outcome.succeeded();
        outcome.says_once("1 wakes, 0 messages seen");
        outcome.says_once(" 0 ticks more than that");
    }
    let outcome = Graph::new(&events_or_messages(1, 10, 10, 1000)).scheduler(EVENT_BASED).run();
    outcome.succeeded();
    outcome.says_once("OrSchedulingTermCombiner: true");
    outcome.says_once("PeriodicSchedulingTerm: false");
    outcome.says_once("1 wakes, 10 messages seen");
    outcome.says_once(" 0 ticks more than that");
}

/// Neither does a codelet that woke itself and finished in its own ticks: Greedy- and MultiThreadScheduler keep what they are
/// told of an entity until it waits for an event, and do not rest as long as they have something.
#[test]
fn a_codelet_that_has_finished_costs_nothing() {
    let graph = "
name: finishing
components:
- {name: events, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {name: finishing, type: probe::Finishing, parameters: {ticks: 5}}
---
name: listener
components:
- {name: events, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {name: listening, type: probe::Listening, parameters: {wakes: 1, after-finish: true, idle-ms: 1000}}
";
    for scheduler in SCHEDULERS {
        // From 5.5 on EventBasedScheduler with two workers takes 9 % of a core to wait, with any codelet.
        let scheduler = &scheduler.replace("worker_thread_number: 2, ", "");
        let outcome = Graph::new(graph).scheduler(scheduler).run();
        outcome.succeeded();
        outcome.says_once(" 5 ticks until the finish");
        outcome.says_once("1 wakes, 0 messages seen");
        let (before, _) = outcome.log.split_once(" ms of CPU in 1000 ms without events").expect("what was measured");
        let spent: u64 = before.rsplit(' ').next().unwrap().parse().expect("a number");
        // All of the second, or what a loaded machine has left of it; a handful when it rests.
        assert!(spent <= 40, "{spent} ms of CPU: {scheduler}: {outcome}");
    }
}

#[test]
fn an_entity_without_the_term_is_refused() {
    let graph = "name: listener\ncomponents:\n- {name: listening, type: probe::Listening}\n";
    let outcome = Graph::new(graph).scheduler(SCHEDULERS[0]).run();
    outcome.failed();
    outcome.says_once("listener/listening: entity 'listener' needs an nvidia::gxf::AsynchronousSchedulingTerm");
}

#[test]
fn an_interrupt_ends_a_graph_that_waits() {
    let graph = "
name: listener
components:
- {name: events, type: nvidia::gxf::AsynchronousSchedulingTerm}
- {name: listening, type: probe::Listening, parameters: {wakes: 1, messages: 1}}
";
    for scheduler in SCHEDULERS {
        let outcome = Graph::new(graph).scheduler(scheduler).interrupted_after(": started").run();
        outcome.succeeded();
        outcome.says_once("0 wakes, 0 messages seen");
    }
}
