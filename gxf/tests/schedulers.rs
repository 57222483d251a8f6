//! Every scheduler that the runtime has: none is left untested, and a codelet's life is the same under each.

mod common;
use common::{Graph, SCHEDULERS};
use gxf::{Runtime, Tid};

/// Schedulers that run no graph of codelets by themselves, with the reason.
const OTHERS: [(&str, &str); 1] =
    [("nvidia::gxf::EpochScheduler", "runs only when the program that owns the graph calls runEpoch of its C++ class")];

/// The standard extension's. Source: what 4.1.1 says of itself.
const STANDARD: Tid = Tid::parse("8ec2d5d6-b5df-48bf-8dee-0252606fdd7e");

fn graph(scheduler: &str) -> Graph {
    Graph::new(
        "name: camera\ncomponents:\n- {name: failing, type: probe::Failing}\n\
         - {type: nvidia::gxf::CountSchedulingTerm, parameters: {count: 2}}\n",
    )
    .scheduler(scheduler)
}

#[test]
fn none_is_left_out_and_codelets_live_the_same_under_each() {
    let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
    let context = runtime.context().unwrap();
    context.set_severity(None).unwrap();
    let none: &[&str] = &[];
    context.load_extensions(&[runtime.library("libgxf_std.so").unwrap()], none, None).unwrap();
    let standard = context.extension_info(STANDARD).unwrap();
    let components = standard.components.iter().map(|tid| context.component_info(*tid).unwrap());
    let mut found: Vec<String> = components
        .filter(|component| component.base_name == "nvidia::gxf::Scheduler" && !component.is_abstract)
        .map(|component| component.type_name)
        .filter(|name| OTHERS.iter().all(|(other, _)| other != name))
        .collect();
    found.sort();
    let mut tested: Vec<&str> = SCHEDULERS.iter().filter_map(|text| text.split(',').next()).collect();
    tested.sort_unstable();
    assert_eq!(found, tested, "the schedulers of this release and those that the tests run");
    for scheduler in SCHEDULERS {
        let outcome = graph(scheduler).run();
        outcome.succeeded();
        for step in ["initialize", "start", "stop", "deinitialize"] {
            outcome.says_once(&format!("reached {step}"));
        }
        assert_eq!(outcome.count("reached tick"), 2, "{outcome}");
        assert_eq!(outcome.count("ERROR"), 0, "{outcome}");
    }
}
