//! A real RTSP camera on loopback: a server of its own with a port of the system's choice.
//! One thread runs the server; GStreamer's own threads stream while somebody watches; all end when the value is dropped.
//! Left to others: what is seen (`scene`), and who watches.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPFilterResult, RTSPMediaFactory, RTSPServer};

use crate::camera_clock::CameraClock;
use crate::scene::Live;
use crate::{AudioCodec, Codec, Error, FrameLog, Scene};

/// Only machine-local clients: tests must not be reachable from outside. (A camera in a network namespace of its own
/// listens elsewhere.)
const HOST: &str = "127.0.0.1";
/// Where the server offers the stream.
const MOUNT: &str = "/camera";

/// An RTSP camera. All its viewers see the same stream, which begins with the first and ends with the last of them.
pub struct RtspCamera {
    host: String,
    port: u16,
    frames: Arc<FrameLog>,
    silent: Arc<AtomicBool>,
    clock: Option<Arc<CameraClock>>,
    server: RTSPServer,
    source: glib::Source,
    context: glib::MainContext,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl RtspCamera {
    /// Starts a camera on a free port.
    ///
    /// # Errors
    /// [`Error::Scene`] for a scene that cannot be encoded, [`Error::Gst`] when an element is missing,
    /// [`Error::Io`] when no port or thread is to be had.
    pub fn start(scene: &Scene) -> Result<Self, Error> {
        Self::start_with(scene, 0, None, None)
    }

    /// Starts a camera on a given port, as one that comes back after a failure does. 0: a free one.
    ///
    /// # Errors
    /// As [`RtspCamera::start`]; also when the port is taken.
    pub fn start_on_port(scene: &Scene, port: u16) -> Result<Self, Error> {
        Self::start_with(scene, port, None, None)
    }

    /// Starts a camera on an address of this machine, as one in a network namespace of its own needs. Port 0: a free one.
    ///
    /// # Errors
    /// As [`RtspCamera::start`]; also when the address is not of this machine.
    pub fn start_on_host(scene: &Scene, host: &str, port: u16) -> Result<Self, Error> {
        scene.check()?;
        Self::serve(host, port, &description(scene, None), true, None)
    }

    /// Starts a camera whose stream ends of itself (with an RTCP BYE) after this many frames.
    ///
    /// # Errors
    /// As [`RtspCamera::start`].
    pub fn start_finite(scene: &Scene, frames: u32) -> Result<Self, Error> {
        Self::start_with(scene, 0, Some(frames), None)
    }

    /// Starts a camera of any kind: a description in which each stream ends in a payloader `pay0`, `pay1`, ... Its frames
    /// are not numbered.
    ///
    /// # Errors
    /// As [`RtspCamera::start`].
    pub fn start_described(description: &str) -> Result<Self, Error> {
        Self::serve(HOST, 0, description, false, None)
    }

    /// Starts a camera with a clock of its own, `ahead_ms` milliseconds ahead of this machine's (negative: behind). Its
    /// sender reports say each frame's [`RtspCamera::capture_time`], exactly where a frame lasts a whole millisecond.
    ///
    /// # Errors
    /// As [`RtspCamera::start`].
    pub fn start_with_clock(scene: &Scene, ahead_ms: i64) -> Result<Self, Error> {
        Self::start_with(scene, 0, None, Some(CameraClock::new(ahead_ms)))
    }

    fn start_with(
        scene: &Scene,
        port: u16,
        length: Option<u32>,
        clock: Option<Arc<CameraClock>>,
    ) -> Result<Self, Error> {
        scene.check()?;
        Self::serve(HOST, port, &description(scene, length), true, clock)
    }

    fn serve(
        host: &str,
        port: u16,
        description: &str,
        numbered: bool,
        clock: Option<Arc<CameraClock>>,
    ) -> Result<Self, Error> {
        gst::init().map_err(|e| Error::gst("initialise", e))?;
        let frames = Arc::new(FrameLog::default());
        let silent = Arc::new(AtomicBool::new(false));
        let factory =
            media_factory(description, numbered.then(|| Arc::clone(&frames)), Arc::clone(&silent), clock.clone())?;

        let server = RTSPServer::new();
        server.set_address(host);
        server.set_service(&port.to_string());
        // By default a TCP viewer that is slow for a moment loses frames, and a busy machine makes a test fail.
        server.connect_client_connected(|_, client| client.set_property("drop-backlog", false));
        let mounts = server.mount_points().ok_or_else(|| Error::gst("make a server", "no mounts"))?;
        mounts.add_factory(MOUNT, factory);

        let context = glib::MainContext::new();
        let source = server
            .create_source(gst_rtsp_server::gio::Cancellable::NONE)
            .map_err(|e| Error::gst(format!("listen on {host}:{port}"), e))?;
        source.attach(Some(&context));
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let port = u16::try_from(server.bound_port()).map_err(|_| Error::gst("listen", "the server has no port"))?;

        let thread = std::thread::Builder::new()
            .name(format!("camera-{port}"))
            .spawn({
                let (context, main_loop) = (context.clone(), main_loop.clone());
                move || {
                    // Fails only where another thread owns the context; ours is new and unshared.
                    let _ = context.with_thread_default(|| main_loop.run());
                }
            })
            .map_err(|e| Error::io("start a camera thread", Path::new(MOUNT), e))?;
        let host = host.to_owned();
        Ok(Self { host, port, frames, silent, clock, server, source, context, main_loop, thread: Some(thread) })
    }

    /// The camera's address: `rtsp://`, where the client's first choice is UDP.
    pub fn url(&self) -> String {
        format!("rtsp://{}:{}{MOUNT}", self.host, self.port)
    }

    /// The same address as `rtspt://`: RTP inside the RTSP connection (TCP) only.
    pub fn urlt(&self) -> String {
        format!("rtspt://{}:{}{MOUNT}", self.host, self.port)
    }

    /// The TCP port that the camera listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The frames since the present stream began: counters, their times, and waiting for one of them.
    pub fn frames(&self) -> &FrameLog {
        &self.frames
    }

    /// Waits until frame `counter` has left the camera. Somebody must be watching.
    ///
    /// # Errors
    /// [`Error::Hung`] when [`crate::HANG_GUARD`] runs out first.
    pub fn wait_for_frame(&self, counter: u32) -> Result<std::time::SystemTime, Error> {
        self.frames.wait_for(counter, crate::HANG_GUARD)
    }

    /// Sends no frame and no sound any more, or does so again; the connections stay. A camera that hangs is like that.
    pub fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// When frame `counter` was captured, by the clock that the camera was started with ([`RtspCamera::start_with_clock`]).
    /// None: there is no such clock, or no such frame yet, or the first frame has not left.
    pub fn capture_time(&self, counter: u32) -> Option<std::time::SystemTime> {
        Some(self.clock.as_ref()?.zero()? + self.frames.since_first(counter)?)
    }

    /// Holds back the sender reports of a camera that has a clock of its own, or lets them go: no viewer knows its time
    /// before the first one.
    pub fn withhold_reports(&self, withheld: bool) {
        if let Some(clock) = &self.clock {
            clock.withhold_reports(withheld);
        }
    }

    /// Waits until the camera, which has a clock of its own, has sent another sender report. Somebody must be watching.
    ///
    /// # Errors
    /// [`Error::Hung`] when [`crate::HANG_GUARD`] runs out first, [`Error::Scene`] for a camera without such a clock.
    pub fn wait_for_report(&self) -> Result<(), Error> {
        let clock = self.clock.as_ref().ok_or_else(|| Error::Scene("the camera has no clock of its own".to_owned()))?;
        clock.wait_for_report()
    }

    /// Throws all viewers out without a word, as a lost network does; new ones are welcome.
    pub fn disconnect_viewers(&self) {
        let (server, (done, wait)) = (self.server.clone(), std::sync::mpsc::channel());
        self.context.invoke(move || {
            disconnect_all(&server);
            // The receiver is gone only where the wait below gave up.
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(Duration::from_secs(10));
    }
}

impl Drop for RtspCamera {
    fn drop(&mut self) {
        let (server, source) = (self.server.clone(), self.source.clone());
        let main_loop = self.main_loop.clone();
        // In the server's own thread, so that nothing of it is at work meanwhile.
        self.context.invoke(move || {
            source.destroy();
            disconnect_all(&server);
            main_loop.quit();
        });
        if let Some(thread) = self.thread.take() {
            // A panicked camera thread has said so already.
            let _ = thread.join();
        }
    }
}

/// Closes every connection and ends every session: the media stop with their last session.
fn disconnect_all(server: &RTSPServer) {
    if let Some(pool) = server.session_pool() {
        pool.filter(Some(&mut |_, _| RTSPFilterResult::Remove));
    }
    server.client_filter(Some(&mut |_, _| RTSPFilterResult::Remove));
}

/// A scene as a camera's pipeline, a payloader for each stream.
fn description(scene: &Scene, length: Option<u32>) -> String {
    let mut description = scene.video(Live::Yes, length);
    description.push_str(match scene.video_codec() {
        Codec::H264 => " ! rtph264pay name=pay0 pt=96 config-interval=-1",
        Codec::H265 => " ! rtph265pay name=pay0 pt=96 config-interval=-1",
    });
    if let Some(sound) = scene.sound(Live::Yes, length) {
        description.push(' ');
        description.push_str(&sound);
        description.push_str(match scene.audio_codec() {
            Some(AudioCodec::Opus) => " ! rtpopuspay name=pay1 pt=97",
            _ => " ! rtpmp4gpay name=pay1 pt=97",
        });
    }
    description
}

/// The recipe for the stream: one pipeline that all viewers share. `frames`: where they are to be numbered.
fn media_factory(
    description: &str,
    frames: Option<Arc<FrameLog>>,
    silent: Arc<AtomicBool>,
    clock: Option<Arc<CameraClock>>,
) -> Result<RTSPMediaFactory, Error> {
    // A missing element shall be known now, not as a "503" to the first viewer.
    gst::parse::launch(description).map_err(|e| Error::gst("build a camera", e))?;

    let factory = RTSPMediaFactory::new();
    factory.set_launch(&format!("( {description} )"));
    factory.set_shared(true);
    factory.connect_media_configure(move |_, media| {
        stamp_capture_time(media, clock.clone());
        let Ok(bin) = media.element().downcast::<gst::Bin>() else { return };
        if let Some(frames) = &frames
            && let Err(e) = Scene::number_frames(&bin, Arc::clone(frames))
        {
            gst::element_error!(bin, gst::CoreError::Failed, ["{e}"]);
        }
        let payloaders: Vec<_> = ["pay0", "pay1"].iter().filter_map(|name| bin.by_name(name)).collect();
        for payloader in &payloaders {
            hush_when_told(payloader, &silent);
        }
        if let Some(clock) = &clock {
            clock.follow(&payloaders);
        }
    });
    Ok(factory)
}

/// Drops what a payloader makes for as long as the camera is to be silent.
fn hush_when_told(payloader: &gst::Element, silent: &Arc<AtomicBool>) {
    let Some(pad) = payloader.static_pad("src") else { return };
    let silent = Arc::clone(silent);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
        if silent.load(Ordering::Relaxed) { gst::PadProbeReturn::Handled } else { gst::PadProbeReturn::Ok }
    });
}

/// Makes the camera's RTCP sender reports say when frames were captured, as its frame log does. GStreamer's default is
/// when they were sent, which is later by the latency of the camera's own pipeline. A `clock` of its own has the last
/// word.
fn stamp_capture_time(media: &gst_rtsp_server::RTSPMedia, clock: Option<Arc<CameraClock>>) {
    let Some(pipeline) = media.element().parent().and_downcast::<gst::Bin>() else { return };
    pipeline.connect_element_added(move |_, element| {
        if element.factory().is_some_and(|factory| factory.name() == "rtpbin") {
            element.set_property("rtcp-sync-send-time", false);
            if let Some(clock) = clock.clone() {
                element.connect_pad_added(move |_, pad| clock.watch(pad));
            }
        }
    });
}

/// The RTSP address of a port where nobody listens: a camera that is not there.
///
/// # Errors
/// [`Error::Io`] when the system has no free port.
pub fn unreachable_url() -> Result<String, Error> {
    let listener = TcpListener::bind((HOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| Error::io("find a free port", Path::new(HOST), e))?;
    Ok(format!("rtsp://{listener}{MOUNT}"))
}
