//! An extension that shows in its log what the runtime does to it: the integration tests run it.
//!
//! One codelet per question. It is no example of how to write an extension; `examples/ping` is.

mod failing;
mod finishing;
mod listening;
mod parameters;
mod strict;

gxf::extension! {
    uuid: "efac12a2-31ed-40d9-927b-77f55314418f",
    name: "GxfProbe",
    display_name: "Probe",
    category: "Tests",
    brief: "What the integration tests run",
    description: "Codelets that log what the runtime does to them",
    author: "The NvDsSmartRecord founders",
    version: "1.2.3",
    license: "Apache-2.0",
    codelets: [
        parameters::Parameters,
        strict::Strict,
        failing::Failing,
        finishing::Finishing,
        listening::Listening,
    ],
    data: [],
}
