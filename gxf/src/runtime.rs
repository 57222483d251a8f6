//! [`Runtime`]: a GXF runtime found on this machine, for programs that run graphs.
//!
//! Where a runtime is looked for, and one graph from loading to destruction. Options, signals and exit codes are the
//! program's business.

use std::ffi::{CString, OsString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};

use crate::core::Core;
use crate::error::check;
use crate::log::Severity;
use crate::sys::{GxfLoadExtensionsInfo, gxf_context_t};
use crate::{Code, ComponentDescription, Error, ExtensionDescription, ParameterDescription, ParameterValue, Tid, info};

const CORE_FILE: &str = "libgxf_core.so";

/// A loaded GXF runtime. It stays loaded as long as the process, and there is one per process.
#[derive(Clone, Copy)]
pub struct Runtime {
    core: &'static Core,
    folder: &'static Path,
}

impl Runtime {
    /// Loads `libgxf_core.so` from the first place that has one: the folder `GXF_ROOT`, the nearest folder `.gxf` from
    /// the current one upwards, `/opt/nvidia/graph-composer`; or from `folder` alone, if one is given. In each of them
    /// it may be in the folder itself, in `lib` or in `core`. Its symbols become global, as under gxe. If a runtime was
    /// loaded before, that one is returned.
    ///
    /// # Errors
    /// If there is none (the message lists where it was looked for), or it cannot be used.
    pub fn load(folder: Option<&Path>) -> Result<Runtime, Error> {
        let path = Runtime::find(folder)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        preload(folder);
        let core = Core::load(&path, RTLD_LAZY | RTLD_GLOBAL)?;
        static FOLDER: OnceLock<PathBuf> = OnceLock::new();
        Ok(Runtime { core, folder: FOLDER.get_or_init(|| folder.to_owned()) })
    }

    /// The `libgxf_core.so` that [`Runtime::load`] would load.
    ///
    /// # Errors
    /// If there is none; the message lists where it was looked for.
    pub fn find(folder: Option<&Path>) -> Result<PathBuf, Error> {
        let folders = match folder {
            Some(folder) => vec![folder.to_owned()],
            None => default_folders(std::env::var_os("GXF_ROOT"), &std::env::current_dir().unwrap_or_default()),
        };
        let looked: Vec<PathBuf> = folders.iter().flat_map(|folder| places(folder)).collect();
        looked.iter().find(|path| path.is_file()).cloned().ok_or(Error::RuntimeNotFound { looked })
    }

    /// A library of this runtime, e.g. `libgxf_std.so`: beside the core, or in Graph Composer's folder for it (`std`
    /// beside `core`).
    ///
    /// # Errors
    /// If there is none.
    pub fn library(&self, file: &str) -> Result<PathBuf, Error> {
        let name = file.trim_start_matches("libgxf_").trim_end_matches(".so");
        let looked = vec![self.folder.join(file), self.folder.join("..").join(name).join(file)];
        match looked.iter().find(|path| path.is_file()) {
            Some(path) => Ok(path.clone()),
            None => Err(Error::LibraryNotFound { file: file.to_owned(), looked }),
        }
    }

    /// The runtime's version, e.g. `4.1.1`.
    ///
    /// # Errors
    /// If the runtime cannot make a context.
    pub fn version(&self) -> Result<String, Error> {
        Ok(self.core.version()?.to_string_lossy().into_owned())
    }

    /// A new, empty graph.
    ///
    /// # Errors
    /// If the runtime cannot make a context.
    pub fn context(&self) -> Result<GraphContext, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is valid for the write of one pointer.
        check(unsafe { self.core.api.GxfContextCreate(&mut raw) }, || "creating a GXF context".to_owned())?;
        Ok(GraphContext { core: self.core, raw, interrupt: Arc::new(Mutex::new(Some(Raw(raw)))), log: None })
    }
}

/// Where a runtime is looked for if no folder is given, in order. An empty `root` is none, as for a shell.
fn default_folders(root: Option<OsString>, current: &Path) -> Vec<PathBuf> {
    let root = root.filter(|root| !root.is_empty()).map(PathBuf::from);
    let project = current.ancestors().map(|folder| folder.join(".gxf")).find(|folder| folder.is_dir());
    // Where nobody has a .gxf, the message still says where one would be looked for.
    let project = project.unwrap_or_else(|| current.join(".gxf"));
    root.into_iter().chain([project, PathBuf::from("/opt/nvidia/graph-composer")]).collect()
}

fn places(folder: &Path) -> [PathBuf; 3] {
    [folder.join(CORE_FILE), folder.join("lib").join(CORE_FILE), folder.join("core").join(CORE_FILE)]
}

/// Makes the CUDA runtime beside the core known, where there is one: `libgxf_std.so` needs it and the loader would not
/// look in that folder. Without it the standard extension says itself what is missing.
fn preload(folder: &Path) {
    let path = folder.join("libcudart.so.12");
    if path.is_file() {
        // SAFETY: runs the initialisers of the CUDA runtime that the user put beside the GXF core.
        if let Ok(library) = unsafe { Library::open(Some(&path), RTLD_LAZY | RTLD_GLOBAL) } {
            std::mem::forget(library); // Stays loaded, as the core does.
        }
    }
}

/// A context's address.
struct Raw(gxf_context_t);

// SAFETY: the runtime's context is an object with locks of its own; GxfGraphInterrupt, the only call made through this
// value, may come from any thread. The mutex around it is emptied before the context is destroyed.
unsafe impl Send for Raw {}

/// One graph: its extensions, its entities, its run. Destroyed when dropped.
pub struct GraphContext {
    core: &'static Core,
    raw: gxf_context_t,
    interrupt: Arc<Mutex<Option<Raw>>>,
    /// The file that GXF's log is redirected to; open as long as the process, because the log is the process's.
    log: Option<PathBuf>,
}

/// Interrupts a graph from another thread; harmless once the graph is destroyed.
#[derive(Clone)]
pub struct Interrupter {
    core: &'static Core,
    context: Arc<Mutex<Option<Raw>>>,
}

impl Interrupter {
    /// Lets the graph stop: [`GraphContext::wait`] returns afterwards. Not for use inside a signal handler, but for a
    /// thread that waits for signals.
    ///
    /// # Errors
    /// If the graph does not run.
    pub fn interrupt(&self) -> Result<(), Error> {
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Raw(raw)) = &*context else { return Ok(()) };
        // SAFETY: the context is live: it is taken out of the mutex before it is destroyed.
        check(unsafe { self.core.api.GxfGraphInterrupt(*raw) }, || "interrupting the graph".to_owned())
    }
}

/// The C strings of paths or texts, and pointers to them in the form that GXF takes.
struct CList {
    _texts: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl CList {
    fn new<'a>(texts: impl Iterator<Item = &'a [u8]>, what: &'static str) -> Result<CList, Error> {
        let texts = texts.map(CString::new).collect::<Result<Vec<_>, _>>().map_err(|_| Error::Nul(what))?;
        let pointers = texts.iter().map(|text| text.as_ptr()).collect();
        Ok(CList { _texts: texts, pointers })
    }

    fn len(&self) -> Result<u32, Error> {
        u32::try_from(self.pointers.len()).map_err(|_| Error::Misuse("too many files".to_owned()))
    }
}

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::Nul("a path"))
}

impl GraphContext {
    /// How much GXF's log says: lines up to this severity. For the whole process.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn set_severity(&self, severity: Option<Severity>) -> Result<(), Error> {
        let number = severity.map_or(0, |severity| severity as i32);
        // SAFETY: the context is live.
        check(unsafe { self.core.api.GxfSetSeverity(self.raw, number) }, || "setting the log's severity".to_owned())
    }

    /// Writes GXF's log into a file instead of the console. For the whole process.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn set_log_file(&mut self, path: &Path) -> Result<(), Error> {
        let name = c_path(path)?;
        // SAFETY: both are C strings.
        let file = unsafe { libc::fopen(name.as_ptr(), c"w".as_ptr()) };
        if file.is_null() {
            return Err(Error::File { path: path.to_owned(), source: std::io::Error::last_os_error() });
        }
        // SAFETY: the context is live; `file` is open and never closed, because the log keeps it.
        let code = unsafe { self.core.api.GxfRedirectLog(self.raw, file.cast()) };
        check(code, || format!("redirecting the log to {}", path.display()))?;
        self.log = Some(path.to_owned());
        Ok(())
    }

    /// The file that [`GraphContext::set_log_file`] redirected the log to.
    pub fn log_file(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Loads extensions: libraries, then the libraries that manifests list. Relative names are looked up in `base`.
    ///
    /// # Errors
    /// If one of them cannot be loaded; GXF's log says which and why.
    pub fn load_extensions(
        &self,
        libraries: &[impl AsRef<Path>],
        manifests: &[impl AsRef<Path>],
        base: Option<&Path>,
    ) -> Result<(), Error> {
        let files = CList::new(libraries.iter().map(|path| path.as_ref().as_os_str().as_bytes()), "a path")?;
        let lists = CList::new(manifests.iter().map(|path| path.as_ref().as_os_str().as_bytes()), "a path")?;
        let base = base.map(c_path).transpose()?;
        let info = GxfLoadExtensionsInfo {
            extension_filenames: files.pointers.as_ptr(),
            extension_filenames_count: files.len()?,
            manifest_filenames: lists.pointers.as_ptr(),
            manifest_filenames_count: lists.len()?,
            base_directory: base.as_ref().map_or(ptr::null(), |base| base.as_ptr()),
        };
        let names = || {
            let libraries = libraries.iter().map(|path| path.as_ref().display().to_string());
            libraries.chain(manifests.iter().map(|path| path.as_ref().display().to_string())).collect::<Vec<_>>()
        };
        // SAFETY: the context is live; all pointers are valid for the call.
        let code = unsafe { self.core.api.GxfLoadExtensions(self.raw, &info) };
        check(code, || format!("loading the extensions of {}", names().join(", ")))
    }

    /// Makes types known by the metadata of their extensions, which a registry writes, without their libraries. Nothing of
    /// these types can be made.
    ///
    /// # Errors
    /// If a file cannot be read or is no metadata; GXF's log says which.
    pub fn load_extension_metadata(&self, files: &[impl AsRef<Path>]) -> Result<(), Error> {
        let list = CList::new(files.iter().map(|path| path.as_ref().as_os_str().as_bytes()), "a path")?;
        let count = list.len()?;
        // SAFETY: the context is live; all pointers are valid for the call.
        let code = unsafe { self.core.api.GxfLoadExtensionMetadataFiles(self.raw, list.pointers.as_ptr(), count) };
        check(code, || "loading extensions' metadata".to_owned())
    }

    /// The folder that the graph's own relative paths start from.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn set_root_path(&self, path: &Path) -> Result<(), Error> {
        let name = c_path(path)?;
        // SAFETY: the context is live; the path is a C string.
        let code = unsafe { self.core.api.GxfGraphSetRootPath(self.raw, name.as_ptr()) };
        check(code, || format!("setting the root path to {}", path.display()))
    }

    /// Loads a YAML graph; may be called several times. An override is `entity/component/key=value`.
    ///
    /// # Errors
    /// If the file cannot be read, names something unknown, or a parameter is refused; GXF's log says which.
    pub fn load_graph_file(&self, path: &Path, overrides: &[impl AsRef<str>]) -> Result<(), Error> {
        let name = c_path(path)?;
        let overrides = CList::new(overrides.iter().map(|text| text.as_ref().as_bytes()), "an override")?;
        let count = overrides.len()?;
        let mut pointers = overrides.pointers.clone();
        // The runtime takes an empty list for a mistake, but not a null one.
        let list = if pointers.is_empty() { ptr::null_mut() } else { pointers.as_mut_ptr() };
        // SAFETY: the context is live; all pointers are valid for the call.
        let code = unsafe { self.core.api.GxfGraphLoadFile(self.raw, name.as_ptr(), list, count) };
        check(code, || format!("loading graph {}", path.display()))
    }

    /// Initialises all components.
    ///
    /// # Errors
    /// If a mandatory parameter is not set or a component refuses; GXF's log says which.
    pub fn activate(&self) -> Result<(), Error> {
        // SAFETY: the context is live.
        check(unsafe { self.core.api.GxfGraphActivate(self.raw) }, || "activating the graph".to_owned())
    }

    /// Starts the scheduler, and returns.
    ///
    /// # Errors
    /// If the graph has no scheduler or it cannot start.
    pub fn run_async(&self) -> Result<(), Error> {
        // SAFETY: the context is live.
        check(unsafe { self.core.api.GxfGraphRunAsync(self.raw) }, || "running the graph".to_owned())
    }

    /// What interrupts this graph from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter { core: self.core, context: Arc::clone(&self.interrupt) }
    }

    /// Waits until the graph has ended.
    ///
    /// # Errors
    /// If a codelet failed: the code is that of the first one.
    pub fn wait(&self) -> Result<(), Error> {
        // SAFETY: the context is live.
        check(unsafe { self.core.api.GxfGraphWait(self.raw) }, || "running the graph".to_owned())
    }

    /// Deinitialises all components.
    ///
    /// # Errors
    /// If a component fails to.
    pub fn deactivate(&self) -> Result<(), Error> {
        // An interrupt that has ended the graph may still be looking at its schedulers, which are about to be destroyed: it
        // holds this lock, and ends by itself.
        let _no_interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the context is live.
        check(unsafe { self.core.api.GxfGraphDeactivate(self.raw) }, || "deactivating the graph".to_owned())
    }

    /// Destroys the graph. Dropping does the same, without saying what went wrong.
    ///
    /// # Errors
    /// If a component fails to end.
    pub fn destroy(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.raw.is_null() {
            return Ok(());
        }
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).take();
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        // SAFETY: live until here, and nobody has it any more.
        check(unsafe { self.core.api.GxfContextDestroy(raw) }, || "destroying the graph".to_owned())
    }

    /// The id of a component type by its name.
    ///
    /// # Errors
    /// If no loaded extension has it.
    pub fn type_id(&self, type_name: &str) -> Result<Tid, Error> {
        let name = CString::new(type_name).map_err(|_| Error::Nul("a type name"))?;
        let mut tid = Default::default();
        // SAFETY: the context is live; name and tid are valid for the call.
        let code = unsafe { self.core.api.GxfComponentTypeId(self.raw, name.as_ptr(), &mut tid) };
        check(code, || format!("asking for component type {type_name}"))?;
        Ok(Tid::from_raw(tid))
    }

    /// The ids of all extensions that are loaded, in no order.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub fn extensions(&self) -> Result<Vec<Tid>, Error> {
        info::extensions(self.core, self.raw)
    }

    /// What the runtime says about a loaded extension.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn extension_info(&self, tid: Tid) -> Result<ExtensionDescription, Error> {
        info::extension(self.core, self.raw, tid)
    }

    /// What the runtime says about a component type.
    ///
    /// # Errors
    /// If no loaded extension has it.
    pub fn component_info(&self, tid: Tid) -> Result<ComponentDescription, Error> {
        info::component(self.core, self.raw, tid)
    }

    /// What the runtime says about a parameter of a component type.
    ///
    /// # Errors
    /// If the type is unknown or has no such parameter.
    pub fn parameter_info(&self, tid: Tid, key: &str) -> Result<ParameterDescription, Error> {
        info::parameter(self.core, self.raw, tid, key)
    }

    /// Whether the extension itself answers a question about a parameter in full. NVIDIA's registry tool asks so, and
    /// reads what the answer leaves out as it lies in memory.
    ///
    /// # Errors
    /// If the extension refuses to answer.
    pub fn answers_in_full(&self, tid: Tid, key: &str) -> Result<bool, Error> {
        info::answers_in_full(self.core, self.raw, tid, key)
    }

    /// Sets a parameter of a component while the graph is loaded or runs. Only for parameters that are declared as
    /// numbers, truth values, texts or paths.
    ///
    /// # Errors
    /// If there is no such component or parameter, its type is another one, or the component refuses the value.
    pub fn set_parameter(&self, entity: &str, component: &str, key: &str, value: &ParameterValue) -> Result<(), Error> {
        let doing = || format!("setting {entity}/{component}/{key} to {value}");
        let c_string = |text: &str| CString::new(text).map_err(|_| Error::Nul("a name or a text"));
        let (entity, component, c_key) = (c_string(entity)?, c_string(component)?, c_string(key)?);
        let (mut eid, mut cid, mut offset, mut tid) = (0, 0, 0, Default::default());
        let api = &self.core.api;
        // SAFETY: the context is live; all pointers are valid for the calls. A null tid stands for any type.
        unsafe {
            check(api.GxfEntityFind(self.raw, entity.as_ptr(), &mut eid), doing)?;
            let found = api.GxfComponentFind(self.raw, eid, tid, component.as_ptr(), &mut offset, &mut cid);
            check(found, doing)?;
            check(api.GxfComponentType(self.raw, cid, &mut tid), doing)?;
        }
        let declared = self.parameter_info(Tid::from_raw(tid), key)?.type_name;
        let (raw, key) = (self.raw, c_key.as_ptr());
        // SAFETY: as above; each number is within its type, and texts are copied by the runtime.
        let code = unsafe {
            match (declared, value) {
                ("GXF_PARAMETER_TYPE_UINT64", ParameterValue::Unsigned(value)) => {
                    api.GxfParameterSetUInt64(raw, cid, key, *value)
                }
                ("GXF_PARAMETER_TYPE_UINT32", ParameterValue::Unsigned(value)) => match u32::try_from(*value) {
                    Ok(value) => api.GxfParameterSetUInt32(raw, cid, key, value),
                    Err(_) => Code::PARAMETER_OUT_OF_RANGE.raw(),
                },
                ("GXF_PARAMETER_TYPE_INT64", ParameterValue::Signed(value)) => {
                    api.GxfParameterSetInt64(raw, cid, key, *value)
                }
                ("GXF_PARAMETER_TYPE_INT32", ParameterValue::Signed(value)) => match i32::try_from(*value) {
                    Ok(value) => api.GxfParameterSetInt32(raw, cid, key, value),
                    Err(_) => Code::PARAMETER_OUT_OF_RANGE.raw(),
                },
                ("GXF_PARAMETER_TYPE_FLOAT64", ParameterValue::Float(value)) => {
                    api.GxfParameterSetFloat64(raw, cid, key, *value)
                }
                ("GXF_PARAMETER_TYPE_BOOL", ParameterValue::Bool(value)) => {
                    api.GxfParameterSetBool(raw, cid, key, *value)
                }
                ("GXF_PARAMETER_TYPE_STRING", ParameterValue::Text(value)) => {
                    api.GxfParameterSetStr(raw, cid, key, c_string(value)?.as_ptr())
                }
                ("GXF_PARAMETER_TYPE_FILE", ParameterValue::Text(value)) => {
                    api.GxfParameterSetPath(raw, cid, key, c_string(value)?.as_ptr())
                }
                _ => Code::PARAMETER_INVALID_TYPE.raw(),
            }
        };
        check(code, doing)
    }

    /// The context for calls that this crate does not wrap.
    pub fn as_raw(&self) -> *mut c_void {
        self.raw
    }
}

impl Drop for GraphContext {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            crate::log::error!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_looked_for_in_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let current = folder.path().join("a/b");
        let folders = |root: Option<&str>| default_folders(root.map(OsString::from), &current);
        let composer = PathBuf::from("/opt/nvidia/graph-composer");
        assert_eq!(folders(Some("/r")), [PathBuf::from("/r"), current.join(".gxf"), composer.clone()]);
        std::fs::create_dir_all(folder.path().join(".gxf")).expect("a folder can be made");
        assert_eq!(folders(Some("/r")), [PathBuf::from("/r"), folder.path().join(".gxf"), composer.clone()]);
        for none in [None, Some("")] {
            assert_eq!(folders(none), [folder.path().join(".gxf"), composer.clone()]);
        }
    }
}
