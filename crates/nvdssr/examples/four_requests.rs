//! What a libnvdsgst_smartrecord.so records of four requests, in real time: cache 10 s, a keyframe each 2 s, requests at
//! 15 s (5 s back, 5 s on), 17 s (5, 5), 22.5 s (5, 5) and 29 s (0, 3). Prints what was asked, answered and delivered.
//! The library is the argument; ours where there is none. Every frame carries its number, so that nothing is believed.
//! Tests with assertions are in tests/; this is for looking at two libraries side by side.
#![allow(clippy::unwrap_used)] // A measurement: what cannot be measured ends it.

use std::error::Error;
use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::glib::translate::FromGlibPtrNone;
use gst::glib::{self, ControlFlow, MainLoop};
use gst::prelude::*;
use nvdssr_sys::{
    Library, NvDsSRContainerType, NvDsSRContext, NvDsSRInitParams, NvDsSRInitParams__bindgen_ty_1, NvDsSRRecordingInfo,
    NvDsSRStatus,
};
use testbed::{Scene, decode, ffprobe, make_file, temp_dir};

const FPS: i64 = 30;
const GOP_SECONDS: u32 = 2;
const CACHE: u32 = 10;
/// Milliseconds of the stream, seconds back, seconds on.
const REQUESTS: [(u64, u32, u32); 4] = [(15_000, 5, 5), (17_000, 5, 5), (22_500, 5, 5), (29_000, 0, 3)];
/// When all recordings are over, and the clip's length, in seconds.
const END: u64 = 35;
const CLIP: u32 = 38;

/// A request, and what has come of it.
#[derive(Default)]
struct Request {
    status: Option<NvDsSRStatus>,
    /// The newest frame when it was made.
    newest: i64,
    file: Option<PathBuf>,
}

type Requests = Mutex<[Request; REQUESTS.len()]>;

/// What a start brings along.
struct UserData {
    number: usize,
    folder: PathBuf,
    requests: Arc<Requests>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let library = library()?;
    gst::init()?;
    let folder = temp_dir()?;
    let clip = folder.path().join("clip.mp4");
    let scene = Scene::new().size(320, 240).fps(FPS as u32).gop(GOP_SECONDS * FPS as u32).without_text();
    make_file(&clip, &scene, CLIP)?;
    println!("{}\ncache {CACHE} s, a keyframe each {GOP_SECONDS} s; {END} s in real time ...\n", library.display());
    let requests = run(&library, &clip, folder.path())?;
    report(&requests)
}

/// The library: the argument, or the one that cargo has put beside the folder of this program.
fn library() -> Result<PathBuf, Box<dyn Error>> {
    if let Some(library) = std::env::args_os().nth(1) {
        return Ok(library.into());
    }
    let program = std::env::current_exe()?;
    let library = program.ancestors().nth(2).map(|profile| profile.join("libnvdsgst_smartrecord.so"));
    let missing = "libnvdsgst_smartrecord.so is not built: run `make four-requests`, or name a library";
    library.filter(|library| library.is_file()).ok_or_else(|| missing.into())
}

/// Plays the clip past a recordbin of the library and makes the requests, on a GLib main loop (NVIDIA's library stops by it).
fn run(library: &Path, clip: &Path, folder: &Path) -> Result<Arc<Requests>, Box<dyn Error>> {
    // SAFETY: a library with the four functions, as the user says; it is never unloaded.
    let library: &'static Library = Box::leak(Box::new(unsafe { Library::new(library) }?));
    let mut parameters = parameters(folder)?;
    let mut context: *mut NvDsSRContext = null_mut();
    // SAFETY: both pointers are valid for the call.
    let status = unsafe { library.NvDsSRCreate(&mut context, &mut parameters) };
    if status != NvDsSRStatus::NVDSSR_STATUS_OK {
        return Err(format!("NvDsSRCreate returns {}", status.0).into());
    }
    // SAFETY: the context was just made, and lives until it is destroyed below.
    let recordbin: gst::Element = unsafe { gst::Element::from_glib_none((*context).recordbin) };
    let newest = Arc::new(AtomicI64::new(-1));
    let pipeline = play(clip, &recordbin, &newest)?;

    let requests = Arc::new(Requests::default());
    let main_loop = MainLoop::new(None, false);
    // The first frame is time 0: the clock begins when it has come.
    let begun = newest.clone();
    let (all, timers) = (requests.clone(), main_loop.clone());
    let folder: Rc<Path> = folder.into();
    glib::timeout_add_local(Duration::from_millis(1), move || {
        if begun.load(Ordering::SeqCst) < 0 {
            return ControlFlow::Continue;
        }
        for (number, (at, back, on)) in REQUESTS.into_iter().enumerate() {
            let (requests, newest, folder) = (all.clone(), begun.clone(), folder.clone());
            glib::timeout_add_local_once(Duration::from_millis(at), move || {
                let data = UserData { number, folder: folder.to_path_buf(), requests: requests.clone() };
                requests.lock().unwrap()[number].newest = newest.load(Ordering::SeqCst);
                let mut id = 0;
                // Leaked: a library may hold it for as long as it likes.
                let data = Box::into_raw(Box::new(data)).cast();
                // SAFETY: the context lives until the main loop has ended.
                let status = unsafe { library.NvDsSRStart(context, &mut id, back, on, data) };
                requests.lock().unwrap()[number].status = Some(status);
            });
        }
        let timers = timers.clone();
        glib::timeout_add_local_once(Duration::from_secs(END), move || timers.quit());
        ControlFlow::Break
    });
    main_loop.run();
    // SAFETY: the last use of the context.
    unsafe { library.NvDsSRDestroy(context) };
    pipeline.set_state(gst::State::Null)?;
    Ok(requests)
}

fn parameters(folder: &Path) -> Result<NvDsSRInitParams, Box<dyn Error>> {
    // Leaked: libraries copy it, but need not.
    let folder = CString::new(folder.to_str().ok_or("a folder that is not UTF-8")?)?.into_raw();
    Ok(NvDsSRInitParams {
        callback: Some(on_recorded),
        containerType: NvDsSRContainerType::NVDSSR_CONTAINER_MP4,
        width: 0,
        height: 0,
        fileNamePrefix: null_mut(),
        dirpath: folder,
        defaultDuration: 0,
        __bindgen_anon_1: NvDsSRInitParams__bindgen_ty_1 { cacheSize: CACHE },
    })
}

/// A camera that plays the clip in real time into the recordbin, and counts its frames.
fn play(clip: &Path, recordbin: &gst::Element, newest: &Arc<AtomicI64>) -> Result<gst::Pipeline, Box<dyn Error>> {
    let description = format!(
        "filesrc location={} ! qtdemux ! h264parse ! identity sync=true ! tee name=tee \
         ! queue ! fakesink async=false  tee. ! queue name=recorded",
        clip.display()
    );
    let pipeline = gst::parse::launch(&description)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    pipeline.add(recordbin)?;
    let recorded = pipeline.by_name("recorded").ok_or("no queue")?;
    let newest = newest.clone();
    recorded.static_pad("src").ok_or("no pad")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        newest.fetch_add(1, Ordering::SeqCst);
        gst::PadProbeReturn::Ok
    });
    recorded.link_pads(Some("src"), recordbin, Some("sink"))?;
    pipeline.set_state(gst::State::Playing)?;
    Ok(pipeline)
}

unsafe extern "C" fn on_recorded(info: *mut NvDsSRRecordingInfo, user_data: *mut c_void) -> *mut c_void {
    // SAFETY: userData is what a start has leaked; the info and its texts live until this returns.
    let (data, name) = unsafe { (&*user_data.cast::<UserData>(), CStr::from_ptr((*info).filename)) };
    data.requests.lock().unwrap()[data.number].file = Some(data.folder.join(name.to_string_lossy().as_ref()));
    null_mut()
}

/// One line for each request.
fn report(requests: &Requests) -> Result<(), Box<dyn Error>> {
    println!("request                   asked for (s)    answer      file (s)  holds (s)        of the asked");
    let mut full = 0;
    for (request, (at, back, on)) in requests.lock().unwrap().iter().zip(REQUESTS) {
        let seconds = |frames: i64| frames as f64 / FPS as f64;
        let (from, to) = (request.newest - i64::from(back) * FPS, request.newest + i64::from(on) * FPS);
        let made = format!("at {:4.1} s, {back} back, {on} on", at as f64 / 1000.0);
        let asked = format!("{:5.2} to {:5.2}", seconds(from), seconds(to));
        let answer = match request.status {
            Some(NvDsSRStatus::NVDSSR_STATUS_OK) => "accepted".to_owned(),
            Some(NvDsSRStatus(status)) => format!("refused ({status})"),
            None => "never made".to_owned(),
        };
        let Some(file) = &request.file else {
            println!("{made:<24}  {asked}   {answer:<11}        -  -                nothing");
            continue;
        };
        let frames = decode(file)?.video.ok_or("a file without video")?.check_unbroken()?;
        let (first, end) = (i64::from(*frames.start()), i64::from(*frames.end()) + 1);
        let covered = (end.min(to) - first.max(from)).max(0);
        let verdict = if covered == to - from { "all" } else { "" };
        full += usize::from(covered == to - from);
        let duration = ffprobe(file)?.duration_s.ok_or("a file without duration")?;
        let holds = format!("{:5.2} to {:5.2}", seconds(first), seconds(end));
        println!(
            "{made:<24}  {asked}   {answer:<11} {duration:8.2}  {holds}   {:5.2} s of {:5.2} s  {verdict}",
            seconds(covered),
            seconds(to - from)
        );
    }
    println!("\ncovered in full: {full} of {}", REQUESTS.len());
    Ok(())
}
