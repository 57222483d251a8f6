#!/usr/bin/env python3
"""A Holoscan application that records a camera when one of its operators, in Python, says so.

The codelet nvidia::deepstream::NvDsSmartRecord runs in it as it is, as an operator; no GPU is needed. README.md beside this
file says what to install. Left to others: detecting something worth recording (the operator Door here is a stand-in).
"""

import argparse
import ctypes
import json
import os
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST_PICTURE = (
    "launch:videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! timeoverlay"
    " ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=30"
)


def load_cuda_runtime():
    """Holoscan's libraries are linked to libcudart.so.12, which needs no driver, but do not look where pip puts it."""
    try:
        import nvidia.cuda_runtime as package
    except ImportError:
        return  # Then the system has to know it, as with CUDA's own packages.
    library = Path(next(iter(package.__path__))) / "lib" / "libcudart.so.12"
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


load_cuda_runtime()

from holoscan.conditions import AsynchronousCondition, BooleanCondition, PeriodicCondition  # noqa: E402
from holoscan.core import Application, ConditionType, Operator  # noqa: E402
from holoscan.gxf import load_extensions  # noqa: E402
from holoscan.operators import GXFCodeletOp  # noqa: E402
from holoscan.schedulers import EventBasedScheduler  # noqa: E402

MILLISECOND = 1_000_000  # in nanoseconds, which Holoscan counts in


class Door(Operator):
    """Stands in for whatever sees an event: asks for one recording, and tells what became of it."""

    def __init__(self, fragment, *args, triggers, receipts, after, before, on_end, **kwargs):
        self.triggers, self.receipts, self.on_end = triggers, receipts, on_end
        self.after, self.before = after, before
        self.failed = True  # until the recorder says that it is done
        self.ticks = 0
        super().__init__(fragment, *args, **kwargs)

    def compute(self, op_input, op_output, context):
        self.ticks += 1
        if self.ticks == self.after:
            # Non-blocking: the graph must not wait for a reader that failed to start.
            fifo = os.open(self.triggers, os.O_WRONLY | os.O_NONBLOCK)
            began = datetime.now(timezone.utc) - timedelta(seconds=self.before)
            message = {
                "command": "start-recording",
                "start": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "sensor": {"id": "door"},
                "id": "door-opened",
            }
            os.write(fifo, (json.dumps(message) + "\n").encode())
            os.close(fifo)
        for receipt in self.new_receipts():
            print("receipt:", json.dumps(receipt), flush=True)
            if receipt["receipt"] in ("done", "failed", "rejected"):
                self.failed = receipt["receipt"] != "done"
                self.on_end()

    def new_receipts(self):
        """The receipts of whole lines that were written since the last call."""
        lines = []
        while line := self.receipts.readline():
            if not line.endswith("\n"):
                self.receipts.seek(self.receipts.tell() - len(line.encode()))
                break
            lines.append(json.loads(line))
        return lines


class RecordOnEvent(Application):
    """Door -> FIFO -> NvDsMsgFileReceiver -> NvDsSmartRecord -> NvDsMsgFileTransmitter -> file -> Door."""

    def __init__(self, options, folder):
        self.chosen, self.folder = options, folder
        super().__init__()

    def codelet(self, type_name, *conditions, name, ports=(), **parameters):
        """A codelet as an operator. Its receivers and transmitters are its ports; a parameter's key has hyphens."""
        parameters = {key.replace("_", "-"): value for key, value in parameters.items()}
        codelet = GXFCodeletOp(self, type_name, *conditions, name=name, **parameters)
        for port in ports:
            port = codelet.spec.inputs.get(port) or codelet.spec.outputs[port]
            port.condition(ConditionType.NONE)
        return codelet

    def compose(self):
        triggers, receipts = self.folder / "triggers", self.folder / "receipts"
        os.mkfifo(triggers)
        receipts.touch()
        running = [BooleanCondition(self, name=f"running_{who}") for who in ("door", "messages", "recorder")]

        def end():
            for condition in running:
                condition.disable_tick()

        self.door = Door(
            self,
            PeriodicCondition(self, 100 * MILLISECOND, name="door_period"),
            running[0],
            name="door",
            triggers=triggers,
            receipts=receipts.open(),
            # The first tick is number 1.
            after=max(1, int(self.chosen.after * 10)),
            before=self.chosen.before,
            on_end=end,
        )
        messages = self.codelet(
            "nvidia::deepstream::NvDsMsgFileReceiver",
            AsynchronousCondition(self, name="messages_wake"),
            running[1],
            name="messages",
            path=str(triggers),
        )
        # It ticks by the clock: its ports are to wait for nothing, neither for a message nor for room.
        recorder = self.codelet(
            "nvidia::deepstream::NvDsSmartRecord",
            PeriodicCondition(self, 20 * MILLISECOND, name="recorder_period"),
            running[2],
            name="recorder",
            ports=["msg-rx", "done-tx"],
            uri_list=self.chosen.source,
            sensor_id_list="door",
            smart_rec_cache=10,
            smart_rec_default_duration=self.chosen.seconds,
            smart_rec_dir_path=self.chosen.output,
        )
        told = self.codelet("nvidia::deepstream::NvDsMsgFileTransmitter", name="receipts", path=str(receipts))
        self.add_operator(self.door)
        self.add_flow(messages, recorder, {("tx", "msg-rx")})
        self.add_flow(recorder, told, {("done-tx", "rx")})


def options():
    parser = argparse.ArgumentParser(description="Records a camera when an operator of a Holoscan application asks for it.")
    parser.add_argument("--source", default=TEST_PICTURE, help="camera, e.g. rtsp://... (default: a test picture)")
    parser.add_argument("--output", default=".", help="folder of the recordings (default: the current one)")
    parser.add_argument("--after", type=float, default=4, help="when the door opens, in seconds (default: 4)")
    parser.add_argument("--before", type=float, default=2, help="seconds before that to record, from the cache (default: 2)")
    parser.add_argument("--seconds", type=int, default=3, help="length of the recording after that (default: 3)")
    parser.add_argument("--extension", default=ROOT / "target/release/libgxf_nvds_smart_record.so",
                        help="default: what `make build` makes")
    return parser.parse_args()


def main():
    chosen = options()
    with tempfile.TemporaryDirectory() as folder:
        application = RecordOnEvent(chosen, Path(folder))
        load_extensions(application.executor.context_uint64, [str(chosen.extension)])
        application.scheduler(EventBasedScheduler(application, name="scheduler", worker_thread_number=2,
                                                  stop_on_deadlock_timeout=1000))
        application.run()
        return 1 if application.door.failed else 0


if __name__ == "__main__":
    sys.exit(main())
