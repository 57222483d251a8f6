//! What the dynamic loader will say of a library, read from the file: nothing is run.
//! Source of the rules: how NVIDIA's registry loads GXF (facts: registry.md, section 1): its core is not in the global
//! symbols, and each extension is installed in a folder of its own. What is registered is left to `library`.

use std::path::Path;

use object::{Architecture, Object, ObjectSymbol};

use super::finding::Finding;

/// Whether the library is one for this machine, and what is wrong with it.
pub(super) fn rules(path: &Path, arch: Option<&str>) -> (bool, Vec<Finding>) {
    let one = |what: String, mend: &str| (false, vec![Finding::new("extension_library", what, mend)]);
    let data = match std::fs::read(path) {
        Ok(data) => data,
        Err(error) => return one(format!("cannot read {}: {error}", path.display()), "a file that can be read"),
    };
    let file = match object::read::elf::ElfFile64::<object::Endianness>::parse(&*data) {
        Ok(file) => file,
        Err(error) => return one(format!("{} is no library: {error}", path.display()), "a 64-bit ELF file"),
    };
    let mut findings = Vec::new();
    let mut find = |what: String, mend: &str| findings.push(Finding::new("extension_library", what, mend));
    let is = match file.architecture() {
        Architecture::X86_64 => "x86_64",
        Architecture::Aarch64 => "aarch64",
        _ => "of another architecture",
    };
    // aarch64_sbsa is aarch64 with other libraries around it.
    if arch.is_some_and(|arch| arch.trim_end_matches("_sbsa") != is) {
        find(format!("{} is {is}, and platform.arch says otherwise", path.display()), "the library for that platform");
    }
    let mut factory = false;
    let mut open = Vec::new();
    for symbol in file.dynamic_symbols() {
        let Ok(name) = symbol.name() else { continue };
        factory |= symbol.is_definition() && name == "GxfExtensionFactory";
        let of_core =
            name.starts_with("Gxf") || name.starts_with("_ZN6nvidia3gxf") || name.starts_with("_ZNK6nvidia3gxf");
        if symbol.is_undefined() && !symbol.is_weak() && of_core {
            open.push(name.to_owned());
        }
    }
    if !factory {
        find(
            format!("{} does not export GxfExtensionFactory", path.display()),
            "an extension; in Rust: gxf::extension! in a crate with crate-type = [\"cdylib\"]",
        );
    }
    let needs = needed(&file, &data);
    if let Some(core) = needs.iter().find(|name| name.starts_with("libgxf_")) {
        find(
            format!("it needs {core} by name, which lies in another folder where a graph is installed"),
            "an extension that finds the GXF functions at run time, as the crate gxf does",
        );
    } else if let Some(first) = open.first() {
        find(
            format!(
                "it leaves {} functions of GXF open ({first}), which end the registry when they are called",
                open.len()
            ),
            "an extension that finds the GXF functions at run time, as the crate gxf does",
        );
    }
    (is == std::env::consts::ARCH && factory, findings)
}

/// The libraries that the loader brings along by name.
fn needed(file: &object::read::elf::ElfFile64<'_, object::Endianness>, data: &[u8]) -> Vec<String> {
    use object::{elf, read::elf::Dyn as _, read::elf::SectionHeader as _};
    let endian = file.endian();
    let sections = file.elf_section_table();
    let Ok(Some((entries, link))) = sections.dynamic(endian, data) else { return Vec::new() };
    let Ok(strings) = sections.section(link).and_then(|section| section.strings(endian, data)) else {
        return Vec::new();
    };
    let strings = strings.unwrap_or_default();
    let entries = entries.iter().filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED);
    entries
        .filter_map(|entry| strings.get(u32::try_from(entry.d_val(endian)).ok()?).ok())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}
