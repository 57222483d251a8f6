//! The core of one source: its cache, its clock and its sessions, joined. Frames and requests come in, actions come
//! out; whoever performs the actions does so in the order given.
//! Times come along with each call. Muxing and files are left to the writer, pads to the recordbin.

use std::time::Duration;

use super::cache::{MAX_OPEN_GOP, Track};
use super::frame::{Frame, Stream};
use super::request::{Accepted, Config, Moment, Overlap, Rejection, StartRequest};
use super::session::{EndReason, Ended, FailReason, LAG, Other, Session, SessionId, Tracks};
use super::time::{Arrival, Interval, RunningTime, Utc, UtcInterval};
use super::timeline::{Timeline, UtcOrigin};

/// A running session whose source sends nothing is given up this long after its asked end: longer than a usual
/// jitter buffer and one lost retransmission, short enough for people to see the file soon.
pub const STALL: Duration = Duration::from_secs(5);

/// So much of the main stream's time after its first frame the other one has for showing that it is there. RTSP cameras
/// send both from the start; the pads appear within tens of milliseconds.
const SETTLING: Duration = Duration::from_secs(1);

/// What is to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<P, C> {
    /// Open a file for these streams; its time begins at `first`.
    Open {
        /// Whose file.
        session: SessionId,
        /// Main stream first.
        streams: Vec<(Stream, C)>,
        /// Start of the first frame of the main stream.
        first: RunningTime,
        /// The main stream's frames have no decoding times of their own, and B-frames among them.
        unordered: bool,
    },
    /// Nothing more of a stream will be written, while another one goes on.
    EndStream {
        /// Of whose file.
        session: SessionId,
        /// Which track.
        stream: Stream,
    },
    /// Append a frame.
    Write {
        /// To whose file.
        session: SessionId,
        /// Which track.
        stream: Stream,
        /// The frame.
        frame: Frame<P>,
    },
    /// Finish the file.
    Close {
        /// Whose file.
        session: SessionId,
        /// The figures.
        ended: Ended,
    },
    /// The session ends without a file.
    Fail {
        /// Which one.
        session: SessionId,
        /// Why.
        reason: FailReason,
    },
}

/// Actions in order. Empty (and without an allocation) as long as nothing is recorded.
pub type Actions<P, C> = Vec<Action<P, C>>;

/// A start further ahead than this is rejected.
const FAR_AHEAD: Duration = Duration::from_secs(24 * 3_600);

/// A frame that begins so long before the newest one is no B-frame, which are reordered within a fraction of a second:
/// the stream has begun anew, or its newest frame had a wrong time.
const STEP_BACK: Duration = Duration::from_secs(2);

struct Lane<P, C> {
    track: Track<P, C>,
    caps: Option<C>,
    /// The stream is expected: its pad is linked.
    linked: bool,
    ended: bool,
    /// Start of the first frame.
    first: Option<RunningTime>,
    /// Decoding time of the newest frame.
    decode: Option<RunningTime>,
    /// Frames come in decoding order but without decoding times (B-frames over RTP).
    unordered: bool,
}

impl<P, C: Clone> Lane<P, C> {
    fn new(window: Duration) -> Self {
        Self {
            track: Track::new(window),
            caps: None,
            linked: false,
            ended: false,
            first: None,
            decode: None,
            unordered: false,
        }
    }
}

/// The core of one source. `P` is a frame's payload, `C` a stream's format (caps).
pub struct SourceCore<P, C> {
    config: Config,
    /// It has failed rather than ended.
    lost: bool,
    timeline: Timeline,
    video: Lane<P, C>,
    audio: Lane<P, C>,
    sessions: Vec<Session<P>>,
}

impl<P: Clone, C: Clone + PartialEq> SourceCore<P, C> {
    /// A source of which nothing is known yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            lost: false,
            timeline: Timeline::default(),
            video: Lane::new(config.window),
            // Trimmed to the video's cache, which is longer than the window by up to one group.
            audio: Lane::new(config.window + MAX_OPEN_GOP),
            sessions: Vec::new(),
        }
    }

    /// The source's clock.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The main stream: video where there is one.
    pub fn main(&self) -> Stream {
        if self.video.linked || !self.audio.linked { Stream::Video } else { Stream::Audio }
    }

    fn lane(&self, stream: Stream) -> &Lane<P, C> {
        match stream {
            Stream::Video => &self.video,
            Stream::Audio => &self.audio,
        }
    }

    fn lane_mut(&mut self, stream: Stream) -> &mut Lane<P, C> {
        match stream {
            Stream::Video => &mut self.video,
            Stream::Audio => &mut self.audio,
        }
    }

    /// Nothing more will come of the main stream.
    pub fn has_ended(&self) -> bool {
        self.lane(self.main()).ended
    }

    /// The cache of a stream.
    pub fn cache(&self, stream: Stream) -> &Track<P, C> {
        &self.lane(stream).track
    }

    /// A stream will come: its pad has been linked, or it begins anew. Where that changes the main stream, running
    /// sessions end: their file has no place for another one.
    pub fn link(&mut self, stream: Stream) -> Actions<P, C> {
        let before = self.main();
        let lane = self.lane_mut(stream);
        lane.linked = true;
        lane.ended = false;
        let mut actions = Actions::new();
        let main = self.main();
        if main != before {
            self.each_session(|session, tracks| {
                if session.is_recording() {
                    session.end_now(EndReason::FormatChanged, tracks, &mut actions);
                }
                session.main = main;
            });
        }
        actions
    }

    /// The stream's format from the next frame on. A running session that holds another one ends: a file has one
    /// format.
    pub fn format(&mut self, stream: Stream, caps: C) -> Actions<P, C> {
        let mut actions = self.link(stream);
        let lane = self.lane_mut(stream);
        let before = lane.caps.replace(caps);
        if before != lane.caps {
            lane.unordered = false;
        }
        if before.is_some() && before != self.lane(stream).caps {
            self.each_session(|session, tracks| {
                if session.is_recording() {
                    session.end_now(EndReason::FormatChanged, tracks, &mut actions);
                }
            });
        }
        actions
    }

    /// A frame has arrived. Frames of one stream come in decoding order.
    pub fn push(&mut self, stream: Stream, frame: Frame<P>, arrival: Arrival) -> Actions<P, C> {
        let main = self.main();
        let mut actions = self.step_back(stream, &frame);
        let lane = self.lane_mut(stream);
        let Some(caps) = lane.caps.clone() else { return actions };
        lane.unordered |= lane.decode.is_some_and(|before| frame.decode < before);
        lane.decode = Some(frame.decode);
        lane.first.get_or_insert(frame.start);
        // The cache keeps one reference, sessions take theirs from `frame`.
        let kept = lane.track.push(frame.clone(), &caps);
        if stream == main {
            self.timeline.observe(frame.start, arrival);
        }
        if self.sessions.is_empty() {
            drop(frame);
        } else if kept || stream != main {
            self.each_session(|session, tracks| session.offer(stream, &frame, tracks, &mut actions));
        } else {
            // Not decodable from the cache: a session that already writes may still want it.
            self.each_session(|session, tracks| {
                if session.is_recording() {
                    session.offer(stream, &frame, tracks, &mut actions);
                } else {
                    session.begin(tracks, &mut actions);
                }
            });
        }
        self.trim(main);
        self.end_after_main(stream, &mut actions);
        actions
    }

    /// A frame far before the newest one: what is cached and what runs belongs to another time.
    fn step_back(&mut self, stream: Stream, frame: &Frame<P>) -> Actions<P, C> {
        let mut actions = Actions::new();
        let newest = self.lane(stream).track.newest();
        if newest.is_some_and(|newest| newest.since(frame.start) > STEP_BACK) {
            if stream == self.main() {
                self.end_all(EndReason::TimeStepped, &mut actions);
                for lane in [&mut self.video, &mut self.audio] {
                    lane.track.restart();
                    lane.decode = None;
                }
            } else {
                let lane = self.lane_mut(stream);
                lane.track.restart();
                lane.decode = None;
            }
        }
        actions
    }

    /// The main stream has ended, and the other one has gone on for long enough.
    fn end_after_main(&mut self, stream: Stream, actions: &mut Actions<P, C>) {
        if self.has_ended() && stream != self.main() {
            let newest = |stream| self.lane(stream).track.newest();
            let (Some(other), Some(main)) = (newest(stream), newest(self.main())) else { return };
            if other >= main + LAG {
                self.end_all(EndReason::EndOfStream, actions);
            }
        }
    }

    /// The audio cache follows the video's, or the window where there is no video.
    fn trim(&mut self, main: Stream) {
        match main {
            Stream::Video => {
                if let Some(oldest) = self.video.track.oldest() {
                    self.audio.track.trim_before(oldest);
                }
            }
            Stream::Audio => {
                if let Some(newest) = self.audio.track.newest() {
                    self.audio.track.evict_to(newest - self.config.window);
                }
            }
        }
    }

    fn each_session(&mut self, mut action: impl FnMut(&mut Session<P>, &Tracks<'_, P, C>)) {
        let main = self.main();
        let (main_lane, other_lane) = match main {
            Stream::Video => (&self.video, &self.audio),
            Stream::Audio => (&self.audio, &self.video),
        };
        let other =
            other_lane.caps.as_ref().map(|caps| Other { track: &other_lane.track, caps, ended: other_lane.ended });
        let age = main_lane.track.newest().zip(main_lane.first).map(|(newest, first)| newest.since(first));
        let settled = !self.config.both || other.is_some() || age.is_some_and(|age| age >= SETTLING);
        let (caps, unordered) = (main_lane.caps.as_ref(), main_lane.unordered);
        let tracks = Tracks { main: &main_lane.track, other, caps, settled, unordered };
        for session in &mut self.sessions {
            action(session, &tracks);
        }
    }

    /// The source is lost for now: the time of the next frame is not comparable with that of the last one.
    pub fn interrupt(&mut self) {
        for lane in [&mut self.video, &mut self.audio] {
            lane.decode = None;
        }
    }

    /// The frame of running time `at` was made at `utc`.
    pub fn observe_utc(&mut self, at: RunningTime, utc: Utc, origin: UtcOrigin) {
        self.timeline.observe_utc(at, utc, origin);
    }

    /// Asks for a session.
    pub fn start(&mut self, request: StartRequest, at: Arrival) -> Result<(Accepted, Actions<P, C>), Rejection> {
        let main = self.main();
        if self.has_ended() {
            return Err(if self.lost { Rejection::SourceLost } else { Rejection::SourceEnded });
        }
        let (asked, asked_utc) = self.asked(request, at)?;
        if let Some(oldest) = self.lane(main).track.oldest()
            && asked.end <= oldest
        {
            return Err(Rejection::OlderThanCache);
        }
        let running = self.running();
        if running >= self.config.max_sessions {
            return Err(Rejection::TooManySessions { running });
        }
        let blocking = self.sessions.iter().find(|session| session.is_running());
        if let (Overlap::Reject, Some(session)) = (request.overlap.unwrap_or(self.config.overlap), blocking) {
            return Err(Rejection::Overlaps { session: session.id });
        }
        let id = self.free_id();
        self.sessions.push(Session::new(id, asked, asked_utc, main));
        let mut actions = Actions::new();
        self.each_session(|session, tracks| {
            if session.id == id {
                session.begin(tracks, &mut actions);
            }
        });
        let cached_from = self.lane(main).track.oldest().filter(|oldest| *oldest > asked.start);
        Ok((Accepted { session: id, asked, asked_utc, cached_from }, actions))
    }

    /// The asked interval on both clocks. What the request names in UTC stays as it is, however the mapping moves.
    fn asked(&self, request: StartRequest, at: Arrival) -> Result<(Interval, Option<UtcInterval>), Rejection> {
        let now = self.timeline.now(at).ok_or(Rejection::NothingYet)?;
        let resolve = |moment| {
            let running = match moment {
                Moment::Now => now,
                Moment::Ago(duration) => now - duration,
                Moment::In(duration) => now + duration,
                Moment::Utc(utc) => {
                    return Ok((self.timeline.running_time(utc).ok_or(Rejection::NothingYet)?, Some(utc)));
                }
            };
            Ok((running, self.timeline.utc(running)))
        };
        let (start, start_utc) = resolve(request.start)?;
        let (end, end_utc) = match request.end {
            Some(moment) => resolve(moment)?,
            None => {
                let end = now.max(start) + self.config.default_duration;
                (end, self.timeline.utc(end))
            }
        };
        if let Some(utc) = self.timeline.utc(now)
            && start.since(now) > FAR_AHEAD
        {
            return Err(Rejection::TooFarAhead { now: utc });
        }
        if end <= start {
            return Err(Rejection::EmptyInterval);
        }
        let utc = start_utc.zip(end_utc).map(|(start, end)| UtcInterval { start, end });
        Ok((Interval { start, end }, utc))
    }

    fn free_id(&self) -> SessionId {
        let mut id = 0;
        while self.sessions.iter().any(|session| session.id == SessionId(id)) {
            id += 1;
        }
        SessionId(id)
    }

    /// How many sessions still take frames.
    pub fn running(&self) -> u32 {
        u32::try_from(self.sessions.iter().filter(|session| session.is_running()).count()).unwrap_or(u32::MAX)
    }

    /// Ends one session, or all of the source, now. Returns which.
    pub fn stop(
        &mut self,
        session: Option<SessionId>,
        at: Arrival,
    ) -> Result<(Vec<SessionId>, Actions<P, C>), Rejection> {
        let now = self.timeline.now(at).ok_or(Rejection::NoSession)?;
        let wanted = |id: SessionId| session.is_none_or(|session| session == id);
        let mut stopped: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|candidate| candidate.is_running() && wanted(candidate.id))
            .map(|candidate| candidate.id)
            .collect();
        if stopped.is_empty() {
            return Err(session.map_or(Rejection::NoSession, |session| Rejection::NoSuchSession { session }));
        }
        stopped.sort_unstable();
        // The frame that begins this very moment has been written by now: the end lies just after it.
        let end = now + Duration::from_nanos(1);
        let end_utc = self.timeline.utc(end);
        let mut actions = Actions::new();
        self.each_session(|candidate, tracks| {
            if wanted(candidate.id) {
                candidate.stop_at(end, end_utc);
                if candidate.asked.end <= candidate.asked.start {
                    // It was to begin later: nothing of it lies before now.
                    candidate.end_now(EndReason::Stopped, tracks, &mut actions);
                }
            }
        });
        Ok((stopped, actions))
    }

    /// A stream has ended. With the last of them the sessions end too.
    pub fn end_of_stream(&mut self, stream: Stream) -> Actions<P, C> {
        self.lane_mut(stream).ended = true;
        let mut actions = Actions::new();
        if [&self.video, &self.audio].into_iter().all(|lane| lane.ended || !lane.linked) {
            self.end_all(EndReason::EndOfStream, &mut actions);
        } else if stream != self.main() {
            self.each_session(|session, tracks| session.other_is_over(tracks.main.newest(), &mut actions));
        }
        actions
    }

    /// Time has passed without frames: sessions whose end is long over are closed with what they have.
    pub fn advance(&mut self, at: Arrival) -> Actions<P, C> {
        let mut actions = Actions::new();
        let reason = if self.has_ended() { EndReason::EndOfStream } else { EndReason::Stalled };
        if let Some(now) = self.timeline.now(at) {
            self.each_session(|session, tracks| {
                if now >= session.asked.end + STALL {
                    session.end_now(reason, tracks, &mut actions);
                }
            });
        }
        actions
    }

    /// Nothing more will come: the source is lost, or the graph stops.
    pub fn end(&mut self, reason: EndReason) -> Actions<P, C> {
        let mut actions = Actions::new();
        self.lost |= reason == EndReason::SourceLost;
        self.video.ended = true;
        self.audio.ended = true;
        self.end_all(reason, &mut actions);
        actions
    }

    fn end_all(&mut self, reason: EndReason, actions: &mut Actions<P, C>) {
        self.each_session(|session, tracks| session.end_now(reason, tracks, actions));
    }

    /// The writer has finished the session's file, or failed: its id is free again, and it takes no more frames.
    pub fn finished(&mut self, session: SessionId) {
        self.sessions.retain(|candidate| candidate.id != session);
    }
}
