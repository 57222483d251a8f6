#!/usr/bin/env python3
"""Records from a camera when Enter is pressed, the seconds before that included.

Needs Debian's python3-gi and gir1.2-gstreamer-1.0, and libnvdsgst_smartrecord.so where GStreamer finds it:

    GST_PLUGIN_PATH=/folder/of/the/library python3 record.py rtsp://camera/stream --folder /tmp

What the element can do beyond this is in docs/element.md.
"""
import argparse
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

TEST_PICTURE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,framerate=30/1 ! timeoverlay"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30"
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", nargs="?", default=TEST_PICTURE,
                        help="rtsp:// address of an H.264 camera, or a GStreamer description that ends in encoded"
                             " video; without it a test picture")
    parser.add_argument("--folder", default=".", help="where recordings go")
    parser.add_argument("--before", type=float, default=5, help="seconds before the event (default: 5)")
    parser.add_argument("--after", type=float, default=5, help="seconds after the event (default: 5)")
    parser.add_argument("--delay", type=float, help="record once by itself, so many seconds after the start, and end")
    return parser.parse_args()


class Recorder:
    def __init__(self, options):
        self.options = options
        self.events = 0
        self.failed = False
        source = options.source
        if source.startswith("rtsp://"):
            source = f'rtspsrc location="{source}" latency=100 ! rtph264depay'
        self.pipeline = Gst.parse_launch(f"{source} ! nvdssmartrecord name=recorder")
        self.recorder = self.pipeline.get_by_name("recorder")
        self.recorder.set_property("smart-rec-dir-path", options.folder)
        self.loop = GLib.MainLoop()
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)

    def record(self):
        """Something has happened: the moments around now are to be kept."""
        self.events += 1
        event = f"event-{self.events}"
        session = self.recorder.emit("start-recording", self.options.before, self.options.after, event)
        if session < 0:
            # The bus says why.
            print(f"{event}: not recorded", flush=True)
        return GLib.SOURCE_REMOVE

    def end(self):
        """Lets the stream end: the pipeline's end comes when all recordings are complete."""
        self.pipeline.send_event(Gst.Event.new_eos())
        return GLib.SOURCE_REMOVE

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.EOS:
            self.loop.quit()
        elif message.type == Gst.MessageType.ERROR:
            print(f"error: {message.parse_error().gerror.message}", file=sys.stderr, flush=True)
            self.failed = True
            self.loop.quit()
        elif message.type == Gst.MessageType.WARNING:
            print(f"warning: {message.parse_warning().gerror.message}", file=sys.stderr, flush=True)
        elif message.type == Gst.MessageType.ELEMENT and message.src == self.recorder:
            self.on_recorder(message.get_structure())

    def on_recorder(self, told):
        name = told.get_name()
        event = told.get_value("id") if told.has_field("id") else "?"
        if name in ("smart-record-accepted", "smart-record-merged"):
            print(f"{event}: recording, session {told.get_value('session')}", flush=True)
        elif name == "smart-record-rejected":
            print(f"{event}: rejected: {told.get_value('reason')}", flush=True)
        elif name in ("smart-record-done", "smart-record-recovered"):
            seconds = told.get_value("duration") / Gst.SECOND
            print(f"{event}: {seconds:.3f} s in {told.get_value('location')}", flush=True)
            self.after_a_recording()
        elif name == "smart-record-failed":
            print(f"{event}: failed: {told.get_value('reason')}", flush=True)
            self.failed = True
            self.after_a_recording()

    def after_a_recording(self):
        if self.options.delay is not None:
            self.end()

    def on_key(self, descriptor, _condition):
        line = descriptor.readline()
        if not line or line.strip() == "q":
            return self.end()
        self.record()
        return GLib.SOURCE_CONTINUE

    def run(self):
        if self.options.delay is not None:
            GLib.timeout_add(round(self.options.delay * 1000), self.record)
        else:
            print("Enter records, q and Enter ends.", flush=True)
            GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, self.on_key)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, self.end)
        self.pipeline.set_state(Gst.State.PLAYING)
        try:
            self.loop.run()
        finally:
            self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.failed else 0


if __name__ == "__main__":
    Gst.init(None)
    sys.exit(Recorder(arguments()).run())
