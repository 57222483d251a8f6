//! The core of one source: its cache, its clock and its sessions, joined. Frames and requests come in; each session's
//! writer pulls what is to be done for it, at its own pace, and does it in the order given.
//! Times come along with each call. Muxing and files are left to the writer, pads to the recordbin.

use std::cell::OnceCell;
use std::time::Duration;

use super::action::{Action, EndReason, FailReason};
use super::cache::{MAX_OPEN_GOP, Track};
use super::frame::{Frame, Stream};
use super::lane::Lane;
use super::payload::Payload;
use super::recording::LAG;
use super::request::{Budget, Config};
use super::session::{Other, Session, SessionId, Tracks};
use super::time::{Arrival, Interval, RunningTime, Utc, UtcInterval};
use super::timeline::{Timeline, UtcOrigin};

/// A running session whose source sends nothing is given up this long after its asked end: longer than a usual
/// jitter buffer and one lost retransmission, short enough for people to see the file soon.
pub const STALL: Duration = Duration::from_secs(5);

/// So much of the main stream's time after its first frame the other one has for showing that it is there. RTSP cameras
/// send both from the start; the pads appear within tens of milliseconds.
const SETTLING: Duration = Duration::from_secs(1);

/// What begins anew begins at least this much after what was, however fast it comes.
const RESTART_STEP: Duration = Duration::from_millis(1);

/// Sessions look for new frames by themselves a few times a second. Where more than this many have come meanwhile, since
/// the source is faster than real time or the writer was busy, they are called.
const CALLED_AFTER: u64 = 64;

/// What a frame's arrival calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Nothing.
    Quiet,
    /// A session has much to read.
    CallSessions,
}

/// The core of one source. `P` is a frame's payload, `C` a stream's format (caps).
#[repr(C)] // What each push looks at stands together, the rest comes last.
pub struct SourceCore<P: Payload, C> {
    pub(super) config: Config,
    /// The shift of whichever stream has begun anew last.
    shift: i64,
    /// The main stream: video where there is one.
    main: Stream,
    /// There is, or was, sound.
    sound: bool,
    /// It has failed rather than ended.
    pub(super) lost: bool,
    /// Nothing more is recorded, whatever comes.
    closed: bool,
    /// A byte budget keeps the cache shorter than its window.
    pub(super) shortened: Option<Budget>,
    pub(super) sessions: Vec<Session<P, C>>,
    pub(super) timeline: Timeline,
    video: Lane<P, C>,
    /// Made when somebody looks at it: most sources have no sound.
    audio: OnceCell<Box<Lane<P, C>>>,
}

impl<P: Payload, C: Clone + PartialEq> SourceCore<P, C> {
    /// A source of which nothing is known yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            shift: 0,
            main: Stream::Video,
            sound: false,
            lost: false,
            closed: false,
            shortened: None,
            sessions: Vec::new(),
            timeline: Timeline::default(),
            video: Lane::new(config.window),
            audio: OnceCell::new(),
        }
    }

    /// The source's clock.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The main stream: video where there is one.
    pub fn main(&self) -> Stream {
        self.main
    }

    pub(super) fn lane(&self, stream: Stream) -> &Lane<P, C> {
        match stream {
            Stream::Video => &self.video,
            // Trimmed to the video's cache; this bounds it where pictures no longer come.
            Stream::Audio => self.audio.get_or_init(|| Box::new(Lane::new(self.config.window + 2 * MAX_OPEN_GOP))),
        }
    }

    /// The lane of a stream, if anything is known of the stream.
    fn known(&self, stream: Stream) -> Option<&Lane<P, C>> {
        match stream {
            Stream::Video => Some(&self.video),
            Stream::Audio => self.audio.get().map(|audio| &**audio),
        }
    }

    fn known_mut(&mut self, stream: Stream) -> Option<&mut Lane<P, C>> {
        match stream {
            Stream::Video => Some(&mut self.video),
            Stream::Audio => self.audio.get_mut().map(|audio| &mut **audio),
        }
    }

    /// Those of both streams, as far as anything is known of them.
    fn lanes(&self) -> impl Iterator<Item = &Lane<P, C>> {
        Stream::BOTH.into_iter().filter_map(|stream| self.known(stream))
    }

    fn each_lane(&mut self, mut call: impl FnMut(&mut Lane<P, C>)) {
        for stream in Stream::BOTH {
            self.known_mut(stream).map(&mut call);
        }
    }

    fn lane_mut(&mut self, stream: Stream) -> &mut Lane<P, C> {
        match stream {
            Stream::Video => &mut self.video,
            Stream::Audio => {
                self.lane(stream);
                self.audio.get_mut().expect("made just now")
            }
        }
    }

    /// Nothing more will come of the main stream.
    pub fn has_ended(&self) -> bool {
        self.closed || self.lane(self.main()).ended
    }

    /// The cache of a stream.
    pub fn cache(&self, stream: Stream) -> &Track<P, C> {
        &self.lane(stream).track
    }

    /// Media bytes of the cache.
    pub fn cached_bytes(&self) -> usize {
        // Without sound nothing of its lane is looked at: with thousands of sources that is memory that is far away.
        self.video.track.cached_bytes() + if self.sound { self.lane(Stream::Audio).track.cached_bytes() } else { 0 }
    }

    /// How far back the cache reaches.
    pub fn history(&self) -> Duration {
        self.lane(self.main()).track.history()
    }

    /// The byte budget that keeps the cache shorter than its window.
    pub fn shortened(&self) -> Option<Budget> {
        self.shortened
    }

    /// A stream will come: its pad has been linked, or it begins anew.
    pub fn link(&mut self, stream: Stream) {
        let lane = self.lane_mut(stream);
        lane.linked = true;
        lane.ended = false;
        self.sound = self.audio.get().is_some_and(|audio| audio.linked);
        self.main = if self.video.linked || !self.sound { Stream::Video } else { Stream::Audio };
    }

    /// The stream's format from the next frame on.
    pub fn format(&mut self, stream: Stream, caps: C) {
        self.link(stream);
        self.lane_mut(stream).format(caps);
    }

    /// How the stream's plain frames are to be read from the next one on.
    pub fn read_with(&mut self, stream: Stream, times: P::Times) {
        self.lane_mut(stream).track.read_with(times);
    }

    /// The source is lost for now: the time of the next frame is not comparable with that of the last one.
    pub fn interrupt(&mut self) {
        self.each_lane(Lane::interrupt);
    }

    /// The same for one stream, which has been flushed.
    pub fn flush(&mut self, stream: Stream) {
        self.lane_mut(stream).interrupt();
    }

    /// The writer has failed: nothing can be joined with the session any more.
    pub fn failed(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.iter_mut().find(|candidate| candidate.id == session) {
            session.finish();
        }
    }

    /// A frame has arrived. Frames of one stream come in decoding order.
    #[inline]
    pub fn push(&mut self, stream: Stream, frame: Frame<P>, arrival: Arrival) -> Pushed {
        if self.only_appends(stream, &frame) {
            self.timeline.observe(self.video.append(frame), arrival);
            return Pushed::Quiet;
        }
        self.push_any(stream, frame, arrival)
    }

    /// Whether a frame is a picture that goes on where the newest group ends, while nobody records and the byte
    /// budget is kept. So are nearly all of them, and they cost half of what looking after everything does.
    #[inline]
    pub(super) fn only_appends(&self, stream: Stream, frame: &Frame<P>) -> bool {
        let budget = self.config.cache_bytes;
        stream == Stream::Video
            && self.video.goes_on(frame, self.shift)
            && self.sessions.is_empty()
            && self.main == Stream::Video
            && self.shortened.is_none()
            && (budget == 0 || self.cached_bytes() + frame.bytes <= budget)
    }

    /// The same, whatever is to be done.
    pub(super) fn push_any(&mut self, stream: Stream, frame: Frame<P>, arrival: Arrival) -> Pushed {
        self.sound |= stream == Stream::Audio;
        let main = self.main();
        let now = self.timeline.now(arrival);
        if self.lane(stream).begins_anew(&frame, self.shift, now) {
            self.resume(stream, &frame, now);
        }
        let start = self.lane_mut(stream).push(frame, now);
        if let Some(start) = start.filter(|_| stream == main) {
            if let Some(by) = self.timeline.settle(start, arrival) {
                self.sessions.iter_mut().for_each(|session| session.shift(by));
            }
            self.timeline.observe(start, arrival);
        }
        // Pictures alone are trimmed by their own cache.
        if self.sound {
            self.trim(main);
        }
        self.keep_budget();
        if self.sessions.is_empty() {
            return Pushed::Quiet;
        }
        if self.sessions.iter().any(Session::is_waiting) {
            self.each_session(|session, tracks| session.begin(tracks));
            self.pin();
        }
        self.end_after_main(stream);
        self.limit_pending();
        let next = self.lane(main).track.next();
        let sleeps = |session: &Session<P, C>| session.unread_in_sleep(next) >= CALLED_AFTER;
        if self.sessions.iter().any(sleeps) { Pushed::CallSessions } else { Pushed::Quiet }
    }

    /// The sessions that have much to read and whose writers wait for more; from now on they are taken to be awake.
    pub fn called(&mut self) -> Vec<SessionId> {
        let next = self.lane(self.main()).track.next();
        let called = self.sessions.iter_mut().filter(|session| session.unread_in_sleep(next) >= CALLED_AFTER);
        called.map(|session| session.wake()).collect()
    }

    /// Makes the time of a stream that has begun anew go on from now.
    fn resume(&mut self, stream: Stream, frame: &Frame<P>, now: Option<RunningTime>) {
        let shift = self.lane(stream).fitting_shift(frame, self.shift, now).unwrap_or_else(|| {
            let newest = self.lanes().filter_map(|lane| lane.track.newest()).max();
            let after = newest.map_or(RunningTime::ZERO, |newest| newest + RESTART_STEP);
            let resumed = now.map_or(after, |now| now.max(after));
            resumed.0.saturating_sub(frame.start.0)
        });
        self.shift = shift;
        self.lane_mut(stream).resume(shift);
    }

    /// The main stream has ended, and the other one has gone on for long enough.
    fn end_after_main(&mut self, stream: Stream) {
        if self.has_ended() && stream != self.main() {
            let newest = |stream| self.lane(stream).track.newest();
            let (Some(other), Some(main)) = (newest(stream), newest(self.main())) else { return };
            if other >= main + LAG {
                self.end_all(EndReason::EndOfStream);
            }
        }
    }

    /// The audio cache follows the video's, or the window where there is no video.
    fn trim(&mut self, main: Stream) {
        match main {
            Stream::Video => {
                let horizon = self.video.track.oldest().or(self.video.track.newest());
                if let Some((horizon, audio)) = horizon.zip(self.audio.get_mut()) {
                    audio.track.trim_before(horizon);
                }
            }
            Stream::Audio => {
                if let Some(audio) = self.audio.get_mut()
                    && let Some(newest) = audio.track.newest()
                {
                    audio.track.evict_to(newest - self.config.window);
                }
            }
        }
    }

    fn keep_budget(&mut self) {
        while self.config.cache_bytes > 0 && self.cached_bytes() > self.config.cache_bytes {
            if !self.shorten(Budget::Source) {
                break;
            }
        }
        if self.shortened.is_some() && self.history() >= self.config.window {
            self.shortened = None;
        }
    }

    /// Takes the oldest group out of the cache, since there is more than `budget` allows. False if there is none.
    pub fn shorten(&mut self, budget: Budget) -> bool {
        let main = self.main();
        let mut evict = |stream| self.known_mut(stream).is_some_and(|lane| lane.track.evict_group());
        let evicted = evict(main) || evict(main.other());
        if evicted {
            self.trim(main);
            self.each_lane(|lane| lane.track.free_all());
            if self.history() < self.config.window {
                self.shortened = Some(budget);
            }
        }
        evicted
    }

    /// What the slowest session has still to read must not take all memory.
    fn limit_pending(&mut self) {
        let bytes = self.lanes().map(|lane| lane.track.held_bytes()).sum();
        if bytes <= self.config.max_pending {
            return;
        }
        let slowest = self.sessions.iter_mut().filter(|session| session.needs().is_some());
        if let Some(slowest) = slowest.min_by_key(|session| session.needs()) {
            slowest.fail(FailReason::Overrun { bytes });
        }
        self.pin();
    }

    /// Keeps what sessions have still to read.
    pub(super) fn pin(&mut self) {
        let main = self.main();
        let needs = || self.sessions.iter().filter(|session| session.main == main).filter_map(Session::needs);
        let of_main = needs().map(|(main, _)| main).min();
        let of_other = needs().map(|(_, other)| other).min();
        self.lane_mut(main).track.pin(of_main);
        if let Some(other) = self.known_mut(main.other()) {
            other.track.pin(of_other);
        }
    }

    fn tracks(&self) -> Tracks<'_, P, C> {
        let main_stream = self.main();
        let (main, other) = (self.lane(main_stream), self.known(main_stream.other()));
        let other =
            other.and_then(|other| Some(Other { track: &other.track, caps: other.caps.as_ref()?, ended: other.ended }));
        let age = main.track.newest().zip(main.first).map(|(newest, first)| newest.since(first));
        let settled = !self.config.both || other.is_some() || age.is_some_and(|age| age >= SETTLING);
        Tracks { main_stream, main: &main.track, other, settled, unordered: main.unordered }
    }

    pub(super) fn each_session(&mut self, mut action: impl FnMut(&mut Session<P, C>, &Tracks<'_, P, C>)) {
        let mut sessions = std::mem::take(&mut self.sessions);
        let tracks = self.tracks();
        for session in &mut sessions {
            action(session, &tracks);
        }
        self.sessions = sessions;
    }

    /// The frame of running time `at`, as it came, was made at `utc`.
    pub fn observe_utc(&mut self, stream: Stream, at: RunningTime, utc: Utc, origin: UtcOrigin) {
        let at = self.lane(stream).shifted(at);
        self.timeline.observe_utc(at, utc, origin);
    }

    /// The sessions that still take frames that come.
    pub fn running_sessions(&self) -> impl Iterator<Item = SessionId> {
        let newest = self.lane(self.main()).track.newest();
        self.sessions.iter().filter(move |session| session.is_running(newest)).map(|session| session.id)
    }

    /// Whether a session still takes frames that come.
    pub fn is_running(&self, session: SessionId) -> bool {
        self.running_sessions().any(|running| running == session)
    }

    /// How many sessions still take frames that come.
    pub fn running(&self) -> u32 {
        u32::try_from(self.running_sessions().count()).unwrap_or(u32::MAX)
    }

    /// The asked interval of a session, as it stands now.
    pub fn interval(&self, session: SessionId) -> Option<(Interval, Option<UtcInterval>)> {
        let session = self.sessions.iter().find(|candidate| candidate.id == session)?;
        Some((session.asked.interval(), session.asked.utc))
    }

    /// Where a session's recording begins, as soon as that is known.
    pub fn begins(&self, session: SessionId) -> Option<RunningTime> {
        self.sessions.iter().find(|candidate| candidate.id == session)?.begins().map(|first| first.running)
    }

    /// A stream has ended. With the last of them the sessions end too.
    pub fn end_of_stream(&mut self, stream: Stream) {
        self.lane_mut(stream).end();
        if self.lanes().all(|lane| lane.ended || !lane.linked) {
            self.end_all(EndReason::EndOfStream);
        }
    }

    /// Time has passed without frames: sessions whose end is long over are closed with what they have.
    pub fn advance(&mut self, at: Arrival) {
        let reason = if self.has_ended() { EndReason::EndOfStream } else { EndReason::Stalled };
        if let Some(now) = self.timeline.now(at) {
            self.each_session(|session, tracks| {
                if now >= session.asked.effective_end().running + STALL {
                    session.end_now(reason, tracks.main.next());
                    session.begin(tracks);
                }
            });
            self.pin();
        }
    }

    /// Nothing more will come: the source is lost, or the graph stops.
    pub fn end(&mut self, reason: EndReason) {
        self.lost |= reason == EndReason::SourceLost;
        self.closed = true;
        self.each_lane(Lane::end);
        self.end_all(reason);
    }

    fn end_all(&mut self, reason: EndReason) {
        self.each_session(|session, tracks| {
            session.end_now(reason, tracks.main.next());
            session.begin(tracks);
        });
        self.pin();
    }

    /// Reads on for a session, at most `limit` frames, in a time that does not depend on how much is cached. True if
    /// there is more to read.
    pub fn pull(&mut self, session: SessionId, limit: usize, actions: &mut Vec<Action<P, C>>) -> bool {
        let mut more = false;
        self.each_session(|candidate, tracks| {
            if candidate.id == session {
                more = candidate.pull(tracks, limit, actions);
            }
        });
        self.pin();
        more
    }

    /// Sessions that have been given up and whose writers have not taken note of it.
    pub fn failing(&self) -> impl Iterator<Item = (SessionId, FailReason)> {
        self.sessions.iter().filter_map(|session| Some((session.id, session.failing()?)))
    }

    /// The writer has finished, or failed: the session's id is free again, and it reads no more.
    pub fn finished(&mut self, session: SessionId) {
        self.sessions.retain(|candidate| candidate.id != session);
        self.pin();
        self.each_lane(|lane| lane.track.free_all());
    }
}
