//! [`Release`]: which GXF release this process runs in, and what of it differs from the others.
//!
//! Everything that this crate knows by version number stands here, and the decision whether a release is used at all. What
//! the runtime itself can be asked is asked in `core`, `code` and `probe`; `docs/gxf-abi.md` has the whole story.

use std::env::consts::ARCH;

use crate::Error;
use crate::core::Core;
use crate::probe::{self, Finding, Members};

/// What lies between the members of `nvidia::gxf::Component` that all releases share (48 bytes behind the vtable pointer)
/// and those that `nvidia::gxf::Codelet` adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComponentLayout {
    /// Three pointers.
    Plain,
    /// The component's name as a `std::string`, then the three pointers.
    Named,
}

impl ComponentLayout {
    const ALL: [ComponentLayout; 2] = [ComponentLayout::Plain, ComponentLayout::Named];

    /// Where the codelet's own members begin, in bytes from the start of the object. Source: the offsets that
    /// `Codelet::beforeStop` of each release writes to (objdump), and `probe`, which measures the same at every load.
    const fn members_at(self) -> usize {
        match self {
            ComponentLayout::Plain => 8 + 48 + 3 * 8,
            ComponentLayout::Named => 8 + 48 + 32 + 3 * 8,
        }
    }
}

/// The oldest release that is used, and the newest that was measured: for messages.
const LEAST: &str = "4.0";
const MOST: &str = "5.7";

/// The machine that all was measured on: no other build of GXF was ever loaded.
const MACHINE: &str = "x86_64";

/// What was measured, by major and minor number: on 4.0.0, 4.1.0, 4.1.1, 5.0.0, 5.1.0, 5.2.0, 5.3.0, 5.4.0, 5.5.1, 5.6.0,
/// 5.7.0 and 5.7.1: each minor release that NVIDIA's wheels on PyPI carry. `scripts/test-gxf` runs on all of them.
fn measured(machine: &str, major: u32, minor: u32) -> Option<ComponentLayout> {
    if machine != MACHINE {
        return None;
    }
    match (major, minor) {
        (4, 0..=1) | (5, 0..=4) => Some(ComponentLayout::Plain),
        (5, 5..=7) => Some(ComponentLayout::Named),
        _ => None,
    }
}

/// A release that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub layout: ComponentLayout,
    /// Newer than what was measured, or on another machine: used because every probe fits.
    pub unmeasured: bool,
}

impl Release {
    /// The release of a core.
    ///
    /// # Errors
    /// If it is too old, or its classes are not what this crate knows or cannot be looked at.
    pub fn of(core: &Core) -> Result<Release, Error> {
        let version = core.version()?.to_string_lossy();
        decide(ARCH, &version, || probe::classes(core), || probe::members(core)).map_err(|why| refused(&version, why))
    }
}

/// The error of a release that is not used.
pub(crate) fn refused(version: &str, why: String) -> Error {
    Error::Release { version: version.to_owned(), why, least: LEAST, most: MOST }
}

/// A measured release is refused if a probe contradicts what was measured; one that nobody has measured also if a probe
/// cannot be made. From the harmless to the daring: the version, then the classes, and only if none of them differs the
/// members, for which a function of the runtime's is called.
fn decide(
    machine: &str,
    version: &str,
    classes: impl FnOnce() -> Vec<Finding>,
    members: impl FnOnce() -> Members,
) -> Result<Release, String> {
    let (major, minor) = numbers(version).ok_or("its version is not made of three numbers")?;
    if major < 4 {
        // Measured on 3.1.0: `Extension` has no `hasComponent`, so that the loader would call the wrong functions.
        return Err(format!("extensions look different to a GXF before {LEAST}"));
    }
    let measured = measured(machine, major, minor);
    for finding in classes() {
        match finding {
            Finding::Fits => {}
            Finding::Differs(what) => return Err(what),
            Finding::Hidden(_) if measured.is_some() => {}
            Finding::Hidden(symbol) => return Err(unknown(machine, symbol)),
        }
    }
    let layout = match (members(), measured) {
        (Members::At(at), _) => {
            ComponentLayout::ALL.into_iter().find(|layout| layout.members_at() == at).filter(|layout| {
                // What was measured by hand and what is measured now must agree.
                measured.is_none_or(|known| known == *layout)
            })
        }
        (Members::Hidden, Some(known)) => Some(known),
        (Members::Hidden, None) => return Err(unknown(machine, "nvidia::gxf::Codelet::beforeStop")),
        (Members::Unclear, _) => None,
    };
    let layout = layout.ok_or("a codelet's members lie elsewhere than this extension expects")?;
    Ok(Release { layout, unmeasured: measured.is_none() })
}

fn unknown(machine: &str, symbol: &str) -> String {
    let on = if machine == MACHINE { String::new() } else { format!(" on {machine}") };
    format!(
        "nobody has tested it{on}, and its layout cannot be checked: it does not export {symbol} (list libgxf_std.so first)"
    )
}

/// Major and minor of three numbers joined by dots.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [major, minor, _] => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(version: &str, class: Finding, members: Members) -> Result<Release, String> {
        decide(MACHINE, version, || vec![class], || members)
    }

    fn layout(version: &str, class: Finding, members: Members) -> Result<ComponentLayout, String> {
        judge(version, class, members).map(|release| release.layout)
    }

    const HIDDEN: Finding = Finding::Hidden("a table");

    fn never<T>() -> T {
        panic!("looked at too early")
    }

    #[test]
    fn measured_releases_need_no_probe() {
        assert_eq!(layout("4.0.0", HIDDEN, Members::Hidden), Ok(ComponentLayout::Plain));
        assert_eq!(layout("5.4.9", HIDDEN, Members::Hidden), Ok(ComponentLayout::Plain));
        assert_eq!(layout("5.7.1", HIDDEN, Members::Hidden), Ok(ComponentLayout::Named));
    }

    #[test]
    fn a_probe_that_contradicts_refuses_any_release() {
        assert!(judge("4.1.1", Finding::Fits, Members::At(112)).is_err());
        assert!(judge("4.1.1", Finding::Fits, Members::Unclear).is_err());
        assert!(judge("5.8.0", Finding::Fits, Members::At(120)).is_err());
    }

    #[test]
    fn nothing_is_called_in_a_release_whose_classes_differ() {
        for version in ["4.1.1", "5.8.0"] {
            let classes = || vec![Finding::Fits, Finding::Differs("it does".into())];
            assert_eq!(decide(MACHINE, version, classes, never), Err("it does".to_owned()));
        }
        assert!(decide(MACHINE, "5.8.0", || vec![HIDDEN], never).is_err());
    }

    #[test]
    fn a_new_release_needs_every_probe() {
        let fits = judge("5.8.0", Finding::Fits, Members::At(112));
        assert_eq!(fits, Ok(Release { layout: ComponentLayout::Named, unmeasured: true }));
        assert_eq!(layout("6.0.0", Finding::Fits, Members::At(80)), Ok(ComponentLayout::Plain));
        assert!(judge("5.8.0", Finding::Fits, Members::Hidden).is_err());
        assert!(judge("5.8.0", HIDDEN, Members::At(112)).is_err_and(|why| why.contains("a table")));
    }

    #[test]
    fn on_another_machine_nothing_is_measured() {
        let decide = |class, members| decide("aarch64", "4.1.1", || vec![class], || members);
        let plain = Release { layout: ComponentLayout::Plain, unmeasured: true };
        assert_eq!(decide(Finding::Fits, Members::At(80)), Ok(plain));
        assert!(decide(HIDDEN, Members::At(80)).is_err_and(|why| why.contains("nobody has tested it on aarch64,")));
        assert!(decide(Finding::Fits, Members::Hidden).is_err());
    }

    #[test]
    fn what_is_too_old_or_no_version_is_refused() {
        for version in ["3.1.0", "2.5.0", "", "5.7", "5.7.1.2", "five"] {
            assert!(decide(MACHINE, version, never, never).is_err(), "{version}");
        }
    }
}
