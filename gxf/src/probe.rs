//! Looks at the classes of the runtime in this process: is their layout what `abi/layout.hpp` says?
//!
//! Only what the runtime exports is looked at, and none of its objects is touched. What is looked at when, and what follows,
//! is decided in `release`.

use std::ffi::{CStr, c_void};
use std::ptr;

use crate::core::Core;

/// What came of looking at one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Fits,
    /// How it differs.
    Differs(String),
    /// This symbol is not exported, so nothing can be said.
    Hidden(&'static str),
}

/// Where a codelet's own members begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    /// So many bytes from the start of the object.
    At(usize),
    /// The runtime writes something else than in the releases that were measured.
    Unclear,
    /// The function that shows it is not exported.
    Hidden,
}

/// Looks at all classes.
pub(crate) fn classes(core: &Core) -> Vec<Finding> {
    CLASSES.iter().map(|class| class.look(core)).collect()
}

/// A class of the runtime whose table of virtual functions is exported, and shows the order of ours.
struct Class {
    name: &'static str,
    table: &'static CStr,
    /// What the mangled names of its virtual functions contain, in order, after the two destructors.
    functions: &'static [&'static str],
    /// There must be no further ones.
    whole: bool,
}

/// Source of all names and their order: `readelf -r` on the exported tables of the releases in `release`; the same in
/// each. A name carries the types of the arguments, so that they are checked too.
const CLASSES: &[Class] = &[
    // Derives from Extension and adds no virtual function.
    Class {
        name: "DefaultExtension",
        table: c"_ZTVN6nvidia3gxf16DefaultExtensionE",
        functions: &[
            "12allocate_abiE9gxf_tid_tPPv",
            "14deallocate_abiE9gxf_tid_tPv",
            "11setInfo_abiE9gxf_tid_tPKcS4_S4_S4_S4_",
            "18setDisplayInfo_abiEPKcS3_S3_",
            "13checkInfo_abiEv",
            "11getInfo_abiEP20gxf_extension_info_t",
            "22registerComponents_abiEPv",
            "16hasComponent_abiERK9gxf_tid_t",
            "21getComponentTypes_abiEP9gxf_tid_tPm",
            "20getComponentInfo_abiE9gxf_tid_tP20gxf_component_info_t",
            "20getParameterInfo_abiEPv9gxf_tid_tPKcP20gxf_parameter_info_t",
        ],
        whole: true,
    },
    // Derives from Component; what follows is its own.
    Class {
        name: "AsynchronousSchedulingTerm",
        table: c"_ZTVN6nvidia3gxf26AsynchronousSchedulingTermE",
        functions: &["17registerInterfaceEPNS0_9RegistrarE", "10initializeEv", "12deinitializeEv", "9check_abiE"],
        whole: false,
    },
    // Derives from Codelet and adds no virtual function.
    Class {
        name: "Vault",
        table: c"_ZTVN6nvidia3gxf5VaultE",
        functions: &[
            "17registerInterfaceEPNS0_9RegistrarE",
            "10initializeEv",
            "12deinitializeEv",
            "5startEv",
            "4tickEv",
            "4stopEv",
        ],
        whole: true,
    },
    Class {
        name: "ParameterBackend<bool>",
        table: c"_ZTVN6nvidia3gxf16ParameterBackendIbEE",
        functions: &[
            "15writeToFrontendEv",
            "5parseERKN4YAML4NodeERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
            "4wrapEv",
            "11isAvailableEv",
        ],
        whole: true,
    },
];

/// The two words before the functions: offset to top and type information (Itanium C++ ABI).
const BEFORE: usize = 2;
const DESTRUCTORS: usize = 2;

impl Class {
    fn look(&self, core: &Core) -> Finding {
        let table = core.address(self.table).cast_const().cast::<*mut c_void>();
        let Some((_, size)) = symbol_at(table.cast_mut().cast()) else { return Finding::Hidden(self.name) };
        let words = size / size_of::<*mut c_void>();
        let first = BEFORE + DESTRUCTORS;
        let expected = first + self.functions.len();
        if words < expected || (self.whole && words > expected) {
            let (found, wanted) = (words.saturating_sub(BEFORE), expected - BEFORE);
            return Finding::Differs(format!("its class {} has {found} virtual functions, not {wanted}", self.name));
        }
        for (at, function) in self.functions.iter().enumerate() {
            // SAFETY: the table is an object of `words` words in a loaded library, and `first + at` is less than that.
            let slot = unsafe { *table.add(first + at) };
            let name = symbol_at(slot).map(|(name, _)| name.to_string_lossy());
            if !name.as_ref().is_some_and(|name| name.contains(function)) {
                let name = name.unwrap_or("nothing that is exported".into());
                let wanted = function.trim_start_matches(|letter: char| letter.is_ascii_digit());
                return Finding::Differs(format!(
                    "where its class {} should have the virtual function {wanted}, there is {name}",
                    self.name
                ));
            }
        }
        Finding::Fits
    }
}

/// Asks dladdr1 for the symbol too. Source: glibc's dlfcn.h.
const RTLD_DL_SYMENT: libc::c_int = 1;

/// The name and the size of the exported symbol at exactly this address.
fn symbol_at(address: *mut c_void) -> Option<(&'static CStr, usize)> {
    if address.is_null() {
        return None;
    }
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    let mut symbol: *mut libc::Elf64_Sym = ptr::null_mut();
    // SAFETY: both places can be written; with RTLD_DL_SYMENT the second receives a pointer to a symbol (dladdr(3)). Any
    // address may be asked for.
    let found = unsafe { libc::dladdr1(address, &mut info, (&raw mut symbol).cast(), RTLD_DL_SYMENT) };
    if found == 0 || info.dli_saddr != address || info.dli_sname.is_null() || symbol.is_null() {
        return None;
    }
    // SAFETY: not null; both belong to a library of the runtime's, which is never unloaded.
    unsafe { Some((CStr::from_ptr(info.dli_sname), usize::try_from((*symbol).st_size).ok()?)) }
}

/// What `Codelet::beforeStop` does to an object: it copies the codelet's second member over its third (a time stamp, kept
/// as the previous one) and clears the fifth. Source: objdump of each release in `release`; nothing else is read or written.
const BEFORE_STOP: &CStr = c"_ZN6nvidia3gxf7Codelet10beforeStopEv";
const COPIED: usize = 2;
const CLEARED: usize = 4;

/// Calls a function of the runtime's: only for one whose classes do not differ from those that are known.
pub(crate) fn members(core: &Core) -> Members {
    let function = core.address(BEFORE_STOP);
    if function.is_null() {
        return Members::Hidden;
    }
    // Far larger than any codelet of the runtime's, and each word another.
    let pattern: [u64; 128] = std::array::from_fn(|at| 0x5eed_0000 + at as u64);
    let mut object = pattern;
    // SAFETY: the symbol's mangled name says a member function without arguments; it takes the object's address and, in all
    // releases that were looked at, reads one word of it and writes two others, and nothing else.
    unsafe {
        let function: extern "C" fn(*mut u64) = std::mem::transmute(function);
        function(object.as_mut_ptr());
    }
    members_in(&object, &pattern)
}

fn members_in(object: &[u64], pattern: &[u64]) -> Members {
    let changed: Vec<usize> = (0..object.len()).filter(|at| object[*at] != pattern[*at]).collect();
    match changed[..] {
        [copied, cleared]
            if copied > COPIED
                && cleared - copied == CLEARED - COPIED
                && object[copied] == pattern[copied - 1]
                && object[cleared] == 0 =>
        {
            Members::At((copied - COPIED) * size_of::<u64>())
        }
        _ => Members::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_where_the_runtime_writes() {
        let pattern: Vec<u64> = (100..132).collect();
        let after = |changes: &[(usize, u64)]| {
            let mut object = pattern.clone();
            changes.iter().for_each(|(at, value)| object[*at] = *value);
            members_in(&object, &pattern)
        };
        assert_eq!(after(&[(12, 111), (14, 0)]), Members::At(80));
        assert_eq!(after(&[(16, 115), (18, 0)]), Members::At(112));
        for other in
            [&[][..], &[(12, 111)], &[(12, 110), (14, 0)], &[(12, 111), (13, 0)], &[(12, 111), (14, 0), (20, 1)]]
        {
            assert_eq!(after(other), Members::Unclear, "{other:?}");
        }
    }
}
