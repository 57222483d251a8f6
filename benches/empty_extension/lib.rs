//! An extension with nothing in it: what loading any extension costs, for `start_up`.
//! Written as every other one, with the crate `gxf`.
//! It has no component, and is no part of what is shipped.

gxf::extension! {
    uuid: "5c1a0c2e-7a52-4f0e-9d0b-3d5a8e0f6b17",
    name: "NvDsEmptyExt",
    display_name: "Empty",
    category: "Tests",
    brief: "Has nothing in it",
    description: "Has nothing in it",
    author: "The NvDsSmartRecord founders",
    version: "1.0.0",
    license: "Apache-2.0",
    codelets: [],
    data: [],
}
