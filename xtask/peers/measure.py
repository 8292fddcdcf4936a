#!/usr/bin/env python3
"""Runs one command and prints, as one line of JSON, what it cost.

    measure.py CAP_SECONDS STDOUT_FILE STDERR_FILE COMMAND...

`wall_seconds`   from its start to its end
`cpu_seconds`    user and system time of the command and of every process it waited for (wait4)
`peak_mebibytes` its largest resident set. The kernel's own figure (wait4) counts the moment before the command
                 replaced this interpreter too, so up to this interpreter's size the sampled high-water mark of
                 the command (VmHWM, every millisecond) is taken instead
`exit_code`      negative for a signal
`timed_out`      whether it was ended because CAP_SECONDS were over

The command runs in a session of its own; only that one is ever ended.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time


def high_water_kib(pid):
    """The largest resident set of a process so far; 0 when it cannot be read."""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


class HighWater(threading.Thread):
    """Samples the command's high-water mark until stopped. (It starts anew when the command replaces the fork.)"""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kib, self.stop = pid, 0, threading.Event()

    def run(self):
        while not self.stop.wait(0.001):
            self.kib = max(self.kib, high_water_kib(self.pid))


def main():
    cap, out_path, err_path, command = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    with open(out_path, "wb") as out, open(err_path, "wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
    high_water = HighWater(process.pid)
    high_water.start()
    timed_out = threading.Event()

    def end():
        timed_out.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(cap, end)
    timer.daemon = True
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    wall = time.monotonic() - began
    timer.cancel()
    high_water.stop.set()
    high_water.join()
    # ru_maxrss is in KiB on Linux. Above our own size it can only be the command's.
    ours = high_water_kib("self")
    peak = usage.ru_maxrss if usage.ru_maxrss > ours else high_water.kib
    print(json.dumps({
        "wall_seconds": round(wall, 4),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 4),
        "peak_mebibytes": round(peak / 1024, 1),
        "exit_code": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out.is_set(),
    }))


if __name__ == "__main__":
    main()
