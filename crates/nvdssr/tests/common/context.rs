//! A context of the library in a pipeline of its own, with a folder for its files and a queue of its recordings.
//! The callback copies what it is told, runs the test's hook, and queues the copy.
//! Left to others: the streams (`camera`), the calls themselves (`api`).

use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use gst::glib::translate::FromGlibPtrNone;
use gst::prelude::*;
use nvdssr_sys::{
    NvDsSRContainerType, NvDsSRContext, NvDsSRInitParams, NvDsSRInitParams__bindgen_ty_1, NvDsSRRecordingInfo,
    NvDsSRStatus,
};
use testbed::{HANG_GUARD, TempDir, temp_dir};

use super::{Recording, api};

type Hook = Arc<dyn Fn(&Recording) + Send + Sync>;

/// What the callback does.
#[derive(Default)]
struct Listener {
    sender: Mutex<Option<Sender<Recording>>>,
    hook: Mutex<Option<Hook>>,
}

/// The userData of one start.
struct UserData {
    tag: u64,
    listener: Arc<Listener>,
}

/// What a context is made from; the default is all zeros but for callback and folder.
#[derive(Default)]
pub struct Parameters {
    /// File names begin so.
    pub prefix: Option<&'static str>,
    /// Matroska instead of MP4.
    pub mkv: bool,
    /// Seconds.
    pub cache: u32,
    /// Seconds.
    pub default_duration: u32,
    /// Instead of the context's own folder.
    pub folder: Option<PathBuf>,
    /// No callback.
    pub silent: bool,
}

/// A context, and its pipeline.
pub struct Context {
    /// Its address.
    pub address: usize,
    /// The folder of its files, unless another was asked for.
    pub dir: TempDir,
    pipeline: gst::Pipeline,
    recordbin: gst::Element,
    listener: Arc<Listener>,
    recordings: Receiver<Recording>,
}

impl Context {
    /// A context with a cache of 10 s.
    pub fn new() -> Self {
        Self::with(Parameters { cache: 10, ..Parameters::default() })
    }

    /// A context from these parameters, in a pipeline that is PLAYING.
    pub fn with(parameters: Parameters) -> Self {
        let context = Self::paused_with(parameters);
        context.play();
        context
    }

    /// A context from these parameters, in a pipeline that is still NULL.
    pub fn paused_with(parameters: Parameters) -> Self {
        gst::init().unwrap();
        let dir = temp_dir().unwrap();
        let folder = parameters.folder.clone().unwrap_or_else(|| dir.path().into());
        let address = api::create(Some(&mut raw(&parameters, &folder))).unwrap();
        // SAFETY: the context was just made; its recordbin lives as long as it does.
        let recordbin: gst::Element = unsafe { gst::Element::from_glib_none((*pointer(address)).recordbin) };
        let pipeline = gst::Pipeline::new();
        pipeline.add(&recordbin).unwrap();
        let (sender, recordings) = channel();
        let listener = Arc::new(Listener { sender: Mutex::new(Some(sender)), hook: Mutex::default() });
        Self { address, dir, pipeline, recordbin, listener, recordings }
    }

    /// Brings the pipeline to PLAYING.
    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    /// One of the recordbin's pads.
    pub fn pad(&self, name: &str) -> gst::Pad {
        self.recordbin.static_pad(name).unwrap()
    }

    /// What the callback does before the recording is queued.
    pub fn on_recorded(&self, hook: impl Fn(&Recording) + Send + Sync + 'static) {
        *self.listener.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    /// The userData of a start that is to be called `tag`. Never freed: who has it is what is tested.
    pub fn user_data(&self, tag: u64) -> *mut c_void {
        Box::into_raw(Box::new(UserData { tag, listener: Arc::clone(&self.listener) })).cast()
    }

    /// Starts a recording called `tag`.
    pub fn start(&self, start: u32, duration: u32, tag: u64) -> Result<u32, NvDsSRStatus> {
        api::start(self.address, start, duration, self.user_data(tag))
    }

    /// Stops a recording.
    pub fn stop(&self, id: u32) -> Result<(), NvDsSRStatus> {
        api::stop(self.address, id)
    }

    /// The next recording that the callback is told of.
    pub fn recorded(&self) -> Recording {
        self.recordings.recv_timeout(HANG_GUARD).expect("a recording is answered")
    }

    /// The next `count` recordings, in the order of their tags.
    pub fn all_recorded(&self, count: usize) -> Vec<Recording> {
        let mut all: Vec<_> = (0..count).map(|_| self.recorded()).collect();
        all.sort_by_key(|recording| recording.tag);
        all
    }

    /// The recordings that have been answered already.
    pub fn answered(&self) -> Vec<Recording> {
        self.recordings.try_iter().collect()
    }

    /// Destroys the context; returns the folder, and the recordings that were not yet taken.
    pub fn destroy(self) -> (TempDir, Vec<Recording>) {
        api::destroy(self.address).unwrap();
        let rest = self.answered();
        self.pipeline.set_state(gst::State::Null).unwrap();
        (self.dir, rest)
    }

    /// Forgets the context, which has been destroyed; what its callbacks tell still comes.
    pub fn destroyed(self) -> (TempDir, Receiver<Recording>) {
        self.pipeline.set_state(gst::State::Null).unwrap();
        (self.dir, self.recordings)
    }
}

/// The C parameters; the texts are leaked, as a program's literals.
pub fn raw(parameters: &Parameters, folder: &Path) -> NvDsSRInitParams {
    let text = |text: &str| CString::new(text).unwrap().into_raw();
    NvDsSRInitParams {
        callback: if parameters.silent { None } else { Some(on_recorded) },
        containerType: NvDsSRContainerType(u32::from(parameters.mkv)),
        width: 0,
        height: 0,
        fileNamePrefix: parameters.prefix.map_or(null_mut(), text),
        dirpath: text(folder.to_str().unwrap()),
        defaultDuration: parameters.default_duration,
        __bindgen_anon_1: NvDsSRInitParams__bindgen_ty_1 { cacheSize: parameters.cache },
    }
}

fn pointer(address: usize) -> *mut NvDsSRContext {
    address as *mut _
}

unsafe extern "C" fn on_recorded(info: *mut NvDsSRRecordingInfo, user_data: *mut c_void) -> *mut c_void {
    // SAFETY: userData is what `Context::user_data` leaked; the info lives until this returns.
    let (info, data) = unsafe { (&*info, &*user_data.cast::<UserData>()) };
    let recording = Recording::of(info, data.tag);
    // Callbacks run side by side: the lock is only for finding the hook.
    let hook = data.listener.hook.lock().unwrap().clone();
    if let Some(hook) = hook {
        hook(&recording);
    }
    // The test may have ended; then nobody listens.
    if let Some(sender) = &*data.listener.sender.lock().unwrap() {
        let _ = sender.send(recording);
    }
    null_mut()
}
