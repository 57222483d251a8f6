//! The extension object: what the loader asks about the table that [`extension!`] makes.
//!
//! One static object per library, made when the factory is called. Components are made through the table's rows.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::component::{ComponentType, Make};
use crate::core::{Core, pin_own_library};
use crate::error::check;
use crate::info::ExtensionInfo;
use crate::registration::Registered;
use crate::release::Release;
use crate::stand_in::Base;
use crate::sys::{
    gxf_component_info_t, gxf_context_t, gxf_extension_info_t, gxf_parameter_info_t, gxf_tid_t, gxfs_codelet_delete,
    gxfs_extension_calls, gxfs_extension_new,
};
use crate::trampoline::{enter, report_panics_in_log};
use crate::{Code, Error, Tid, info, instance, log, register, registration, release};

/// Everything that an extension registers.
pub struct ExtensionTable {
    info: ExtensionInfo,
    components: &'static [ComponentType],
}

impl ExtensionTable {
    /// A table; the limits of its texts and the ids are checked at compile time.
    pub const fn new(info: ExtensionInfo, components: &'static [ComponentType]) -> Self {
        info.check();
        let mut at = 0;
        while at < components.len() {
            let mut other = 0;
            while other < at {
                assert!(!same(components[at].info.tid, components[other].info.tid), "two components have the same tid");
                other += 1;
            }
            assert!(!same(components[at].info.tid, info.uuid), "a component has the extension's uuid");
            at += 1;
        }
        ExtensionTable { info, components }
    }

    fn row(&self, tid: Tid) -> Option<&ComponentType> {
        self.components.iter().find(|component| component.info.tid == tid)
    }
}

const fn same(left: Tid, right: Tid) -> bool {
    let (left, right) = (left.raw(), right.raw());
    left.hash1 == right.hash1 && left.hash2 == right.hash2
}

/// Writes an extension: who it is and which types it registers. Use it once per library, in a crate with
/// `crate-type = ["cdylib"]`.
///
/// Makes the function `GxfExtensionFactory`, the only symbol that the library exports. `shared_data` and `stand_ins` may be
/// left out.
///
/// ```text
/// gxf::extension! {
///     uuid: "2f0a3d4e-...", name: "PingExt", display_name: "Ping", category: "Examples", brief: "...",
///     description: "...", author: "...", version: "1.0.0", license: "Apache-2.0",
///     codelets: [PingTx, PingRx],
///     data: [Ping],
///     shared_data: [NvDsMessage = "f445a68b-..."],
///     stand_ins: [StandIn { info: ComponentInfo { ... }, base: "nvidia::gxf::DoubleBufferReceiver",
///                           parameters: gxf::standard::QUEUE }],
/// }
/// ```
#[macro_export]
macro_rules! extension {
    (
        uuid: $uuid:expr,
        name: $name:expr,
        display_name: $display_name:expr,
        category: $category:expr,
        brief: $brief:expr,
        description: $description:expr,
        author: $author:expr,
        version: $version:expr,
        license: $license:expr,
        codelets: [$($codelet:ty),* $(,)?],
        data: [$($data:ty),* $(,)?]
        $(, shared_data: [$($shared:ty = $shared_tid:expr),* $(,)?])?
        $(, stand_ins: [$($stand_in:expr),* $(,)?])?
        $(,)?
    ) => {
        /// What a GXF runtime calls to get the extension.
        ///
        /// # Safety
        /// `out` must be null or valid for the write of a pointer.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn GxfExtensionFactory(out: *mut *mut ::core::ffi::c_void) -> i32 {
            static TABLE: $crate::__private::ExtensionTable = $crate::__private::ExtensionTable::new(
                $crate::__private::ExtensionInfo {
                    uuid: $crate::Tid::parse($uuid),
                    name: $name,
                    display_name: $display_name,
                    category: $category,
                    brief: $brief,
                    description: $description,
                    author: $author,
                    version: $version,
                    license: $license,
                },
                &[
                    $($crate::__private::ComponentType::codelet::<$codelet>(),)*
                    $($crate::__private::ComponentType::data::<$data>(),)*
                    $($($crate::__private::ComponentType::shared::<$shared>($crate::Tid::parse($shared_tid)),)*)?
                    $($($crate::__private::ComponentType::stand_in($stand_in),)*)?
                ],
            );
            // SAFETY: this function has the same contract.
            unsafe { $crate::__private::factory(&TABLE, out) }
        }
    };
}

impl ComponentTexts {
    fn registered(&self) -> Option<Registered> {
        *self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the runtime knows the type from another extension, not from this one.
    fn is_elsewhere(&self) -> bool {
        matches!(self.registered(), Some(Registered::Elsewhere))
    }
}

/// The texts of the table as C strings, in the order in which GXF's structs name them.
struct Extension {
    core: &'static Core,
    table: &'static ExtensionTable,
    release: Release,
    runtime_version: CString,
    texts: Texts,
    components: Vec<ComponentTexts>,
}

struct Texts {
    name: CString,
    description: CString,
    version: CString,
    license: CString,
    author: CString,
    display_name: CString,
    category: CString,
    brief: CString,
}

struct ComponentTexts {
    type_name: CString,
    base_name: Option<CString>,
    display_name: CString,
    brief: CString,
    description: CString,
    /// With the runtime's context that asked last; a process has one as a rule.
    registered: Mutex<Option<Registered>>,
}

impl Extension {
    fn new(table: &'static ExtensionTable) -> Result<Extension, Error> {
        let core = Core::of_caller()?;
        let release = Release::of(core)?;
        let c_string = |text: &str| CString::new(text).map_err(|_| Error::Nul("a text of an extension"));
        let info = &table.info;
        let texts = Texts {
            name: c_string(info.name)?,
            description: c_string(info.description)?,
            version: c_string(info.version)?,
            license: c_string(info.license)?,
            author: c_string(info.author)?,
            display_name: c_string(info.display_name)?,
            category: c_string(info.category)?,
            brief: c_string(info.brief)?,
        };
        let component = |row: &ComponentType| {
            Ok(ComponentTexts {
                type_name: c_string(row.info.type_name)?,
                base_name: row.base_name().map(c_string).transpose()?,
                display_name: c_string(row.info.display_name)?,
                brief: c_string(row.info.brief)?,
                description: c_string(row.info.description)?,
                registered: Mutex::new(None),
            })
        };
        let components = table.components.iter().map(component).collect::<Result<_, Error>>()?;
        // What the loader compares with its own: reporting what it is passes on every version.
        let runtime_version = core.version()?.to_owned();
        if release.unmeasured {
            let version = runtime_version.to_string_lossy();
            log::warning!(
                "{}: nobody has tested it on GXF {version} on {}; every check of that release passes",
                info.name,
                std::env::consts::ARCH
            );
        }
        Ok(Extension { core, table, release, runtime_version, texts, components })
    }

    fn rows(&self) -> impl Iterator<Item = (&'static ComponentType, &ComponentTexts)> {
        self.table.components.iter().zip(&self.components)
    }

    /// Whether the runtime says of every parameter what it was told: if not, declarations look different to it.
    ///
    /// # Errors
    /// If it does not.
    fn confirm(&self, context: gxf_context_t) -> Result<(), Error> {
        for (row, _) in self.rows() {
            for parameter in row.parameters {
                let told = parameter.declaration();
                let said = info::parameter(self.core, context, row.info.tid, told.key)?;
                let same = said.key == told.key
                    && said.headline == told.headline
                    && said.description == told.description
                    && said.type_name == info::type_name(told.kind.number)
                    && (said.optional, said.dynamic) == (told.optional, told.dynamic)
                    && said.default.is_some() == (told.default.is_some() || told.default_text.is_some())
                    && said.min.is_some() == told.range.is_some()
                    && said.rank == 0;
                if !same {
                    let what =
                        format!("it says of parameter '{}' of {} what nobody told it", told.key, row.info.type_name);
                    return Err(release::refused(&self.runtime_version.to_string_lossy(), what));
                }
            }
        }
        Ok(())
    }

    /// The type that a stand-in stands for: known since its registration, which comes before its first object.
    fn base(&self, tid: Tid) -> Result<Base, Error> {
        let mut rows = self.rows().filter(|(row, _)| row.info.tid == tid);
        match rows.next().and_then(|(_, texts)| texts.registered()) {
            Some(Registered::StandIn(base)) => {
                let name = self.table.row(tid).map_or("a stand-in", |row| row.info.type_name);
                Base::find(base, name)
            }
            _ => Err(refuse(&format!("making a component {tid} before it was registered"), Code::FACTORY_UNKNOWN_TID)),
        }
    }
}

/// What `GxfExtensionFactory` does.
///
/// # Safety
/// `out` must be null or valid for the write of a pointer.
pub unsafe fn factory(table: &'static ExtensionTable, out: *mut *mut c_void) -> i32 {
    /// The C++ object's address. One per library: the runtime never frees it.
    static OBJECT: OnceLock<usize> = OnceLock::new();
    report_panics_in_log();
    enter(
        || table.info.name.to_owned(),
        || {
            if out.is_null() {
                return Err(Error::Gxf { doing: "making the extension".to_owned(), code: Code::ARGUMENT_NULL });
            }
            pin_own_library();
            let object = match OBJECT.get() {
                Some(object) => *object,
                None => {
                    let extension: &'static Extension = Box::leak(Box::new(Extension::new(table)?));
                    let this = std::ptr::from_ref(extension).cast_mut().cast();
                    // SAFETY: `CALLS` is static and expects an `Extension`; `this` lives for ever and is only read.
                    let made = unsafe { gxfs_extension_new(&CALLS, this) };
                    *OBJECT.get_or_init(|| made as usize)
                }
            };
            // SAFETY: not null, and valid for writes by the caller's promise.
            unsafe { *out = object as *mut c_void };
            Ok(())
        },
    )
}

static CALLS: gxfs_extension_calls = gxfs_extension_calls {
    allocate: Some(allocate),
    deallocate: Some(deallocate),
    check_info: Some(check_info),
    get_info: Some(get_info),
    register_components: Some(register_components),
    has_component: Some(has_component),
    get_component_types: Some(get_component_types),
    get_component_info: Some(get_component_info),
    get_parameter_info: Some(get_parameter_info),
};

/// # Safety
/// `this` must be the pointer that `factory` gave to the C++ object.
unsafe fn extension(this: *mut c_void) -> &'static Extension {
    // SAFETY: it points to a leaked `Extension`, which is only ever read.
    unsafe { &*this.cast::<Extension>() }
}

/// Runs `body` for the extension behind `this`.
///
/// # Safety
/// As for `extension`.
unsafe fn call(this: *mut c_void, body: impl FnOnce(&'static Extension) -> Result<(), Error>) -> i32 {
    // SAFETY: the caller's promise.
    let extension = unsafe { extension(this) };
    enter(|| extension.table.info.name.to_owned(), || body(extension))
}

fn refuse(doing: &str, code: Code) -> Error {
    Error::Gxf { doing: doing.to_owned(), code }
}

unsafe extern "C" fn allocate(this: *mut c_void, tid: *const gxf_tid_t, out: *mut *mut c_void) -> i32 {
    // SAFETY: `this` and `tid` come from the C++ object; `out` is checked and then valid by GXF's contract.
    unsafe {
        call(this, |extension| {
            let tid = Tid::from_raw(*tid);
            let row = extension.table.row(tid);
            let row = row.ok_or_else(|| refuse(&format!("making a component {tid}"), Code::FACTORY_UNKNOWN_TID))?;
            if out.is_null() {
                return Err(refuse("making a component", Code::ARGUMENT_NULL));
            }
            *out = match row.make {
                Make::Codelet { .. } => instance::new(extension.core, extension.release, row),
                Make::Data { allocate, .. } | Make::Shared { allocate, .. } => allocate(),
                // To be asked for its parameters and freed again: a registry has no libgxf_std.so.
                Make::StandIn { .. } if register::is_registering() => {
                    instance::new(extension.core, extension.release, row)
                }
                Make::StandIn { .. } => extension.base(tid)?.allocate()?,
            };
            Ok(())
        })
    }
}

unsafe extern "C" fn deallocate(this: *mut c_void, tid: *const gxf_tid_t, pointer: *mut c_void) -> i32 {
    // SAFETY: `this` and `tid` come from the C++ object; GXF passes what `allocate` returned for the same tid, once.
    unsafe {
        call(this, |extension| {
            let tid = Tid::from_raw(*tid);
            match extension.table.row(tid).map(|row| row.make) {
                Some(Make::Codelet { .. }) => gxfs_codelet_delete(pointer),
                Some(Make::Data { deallocate, .. } | Make::Shared { deallocate, .. }) => deallocate(pointer),
                Some(Make::StandIn { .. }) if register::is_registering() => gxfs_codelet_delete(pointer),
                Some(Make::StandIn { .. }) => extension.base(tid)?.deallocate(pointer)?,
                None => return Err(refuse(&format!("freeing a component {tid}"), Code::FACTORY_UNKNOWN_TID)),
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn check_info(_this: *mut c_void) -> i32 {
    crate::code::SUCCESS // The table was checked when it was compiled.
}

unsafe extern "C" fn get_info(this: *mut c_void, info: *mut gxf_extension_info_t) -> i32 {
    let mut too_small = false;
    // SAFETY: `this` comes from the C++ object; `info` is checked and then valid by GXF's contract.
    let code = unsafe {
        call(this, |extension| {
            let info = info.as_mut().ok_or_else(|| refuse("describing the extension", Code::ARGUMENT_NULL))?;
            let texts = &extension.texts;
            info.id = extension.table.info.uuid.raw();
            info.name = texts.name.as_ptr();
            info.description = texts.description.as_ptr();
            info.version = texts.version.as_ptr();
            info.runtime_version = extension.runtime_version.as_ptr();
            info.license = texts.license.as_ptr();
            info.author = texts.author.as_ptr();
            info.display_name = texts.display_name.as_ptr();
            info.category = texts.category.as_ptr();
            info.brief = texts.brief.as_ptr();
            let room = info.num_components;
            // Asked after the registration. The loader asks before it, for the ids alone, in `get_component_types`.
            let rows: Vec<_> =
                extension.rows().filter(|(_, texts)| !texts.is_elsewhere()).map(|(row, _)| row).collect();
            info.num_components = rows.len() as u64;
            // The loader asks with no room at all and an unset pointer, and wants the rest.
            if room == 0 {
                return Ok(());
            }
            if room < rows.len() as u64 {
                too_small = true;
                return Ok(());
            }
            if !info.components.is_null() {
                for (at, row) in rows.iter().enumerate() {
                    *info.components.add(at) = row.info.tid.raw();
                }
            }
            Ok(())
        })
    };
    // A question, not a mistake: the caller comes back with more room, and the log says nothing.
    if too_small { Code::QUERY_NOT_ENOUGH_CAPACITY.raw() } else { code }
}

unsafe extern "C" fn register_components(this: *mut c_void, context: gxf_context_t) -> i32 {
    // SAFETY: `this` comes from the C++ object.
    unsafe {
        call(this, |extension| {
            register::registering(extension.core, context, || {
                extension.rows().try_for_each(|(row, texts)| {
                    let names = (texts.type_name.as_c_str(), texts.base_name.as_deref());
                    let keep = |registered: &Registered| {
                        *texts.registered.lock().unwrap_or_else(PoisonError::into_inner) = Some(*registered);
                    };
                    registration::register(extension.core, context, row, names, extension.table.info.name, keep)
                })?;
                // A release that was measured is known to keep what it is told.
                if extension.release.unmeasured { extension.confirm(context) } else { Ok(()) }
            })
        })
    }
}

unsafe extern "C" fn has_component(this: *mut c_void, tid: *const gxf_tid_t) -> i32 {
    // SAFETY: `this` and `tid` come from the C++ object.
    let known = unsafe { extension(this).table.row(Tid::from_raw(*tid)).is_some() };
    // A question, not a mistake: no log line.
    if known { crate::code::SUCCESS } else { Code::QUERY_NOT_FOUND.raw() }
}

unsafe extern "C" fn get_component_types(this: *mut c_void, tids: *mut gxf_tid_t, count: *mut u64) -> i32 {
    // SAFETY: `this` comes from the C++ object; the pointers are checked and then valid by GXF's contract.
    unsafe {
        if tids.is_null() || count.is_null() {
            return Code::ARGUMENT_NULL.raw();
        }
        let rows = extension(this).table.components;
        let room = *count;
        *count = rows.len() as u64;
        if room < rows.len() as u64 {
            return Code::RESULT_ARRAY_TOO_SMALL.raw(); // Also a question: the caller comes back with more room.
        }
        for (at, row) in rows.iter().enumerate() {
            *tids.add(at) = row.info.tid.raw();
        }
    }
    crate::code::SUCCESS
}

unsafe extern "C" fn get_component_info(
    this: *mut c_void,
    tid: *const gxf_tid_t,
    info: *mut gxf_component_info_t,
) -> i32 {
    // SAFETY: `this` and `tid` come from the C++ object; `info` is checked and then valid by GXF's contract.
    unsafe {
        call(this, |extension| {
            let tid = Tid::from_raw(*tid);
            let info = info.as_mut().ok_or_else(|| refuse("describing a component", Code::ARGUMENT_NULL))?;
            let (_, texts) = extension
                .rows()
                .find(|(row, _)| row.info.tid == tid)
                .ok_or_else(|| refuse(&format!("describing component {tid}"), Code::COMPONENT_NOT_FOUND))?;
            info.cid = tid.raw();
            info.base_name = texts.base_name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
            info.is_abstract = 0;
            info.type_name = texts.type_name.as_ptr();
            info.display_name = texts.display_name.as_ptr();
            info.brief = texts.brief.as_ptr();
            info.description = texts.description.as_ptr();
            Ok(())
        })
    }
}

unsafe extern "C" fn get_parameter_info(
    this: *mut c_void,
    context: gxf_context_t,
    tid: *const gxf_tid_t,
    key: *const c_char,
    info: *mut gxf_parameter_info_t,
) -> i32 {
    // SAFETY: `this` and `tid` come from the C++ object; the pointers are checked and then valid by GXF's contract.
    unsafe {
        call(this, |extension| {
            if key.is_null() || info.is_null() {
                return Err(refuse("describing a parameter", Code::ARGUMENT_NULL));
            }
            // The runtime leaves members alone that it has no answer for; the registry reads them all.
            *info = gxf_parameter_info_t::default();
            let code = extension.core.api.GxfGetParameterInfo(context, *tid, key, info);
            check(code, || format!("describing parameter '{}'", CStr::from_ptr(key).to_string_lossy()))
        })
    }
}
