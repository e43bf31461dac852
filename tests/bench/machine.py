"""This machine and the processes on it: what they are, what they used."""
import os
import platform
import re
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("WEIR_BINARY", os.path.join(ROOT, "build", "release", "weir"))
sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    """User and system time of a process with a `pid`, all its threads."""
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of(processes):
    return sum(cpu_seconds(p) for p in processes)


def memory_mb(process, field):
    """VmRSS, VmHWM and so on of /proc/PID/status."""
    with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def written_bytes(process):
    with open("/proc/%d/io" % process.pid, encoding="ascii") as file:
        return int(re.search(r"^wchar: (\d+)", file.read(), re.MULTILINE).group(1))


class Watch:
    """Looks again and again, from a thread, in a with block: look() of who derives from it; true ends it."""

    def __init__(self, interval):
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self.look() and not self._stop.wait(self._interval):
            pass


class PeakMemory(Watch):
    """The highest sum of the resident memory of some processes in a with block; for processes that live longer than it."""

    def __init__(self, processes, interval=0.1):
        super().__init__(interval)
        self._processes = processes
        self.mb = 0.0

    def look(self):
        try:
            self.mb = max(self.mb, sum(memory_mb(p, "VmRSS") for p in self._processes))
        except OSError:  # one of them has ended
            pass


def describe():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": memory, "kernel": platform.release(),
            "load": os.getloadavg()}


def versions(peers=()):
    """What was measured: Weir's own version, and the peers'."""
    found = {"Weir": _first_line([os.environ["WEIR_BINARY"], "version"]).replace("weir ", "")}
    for peer in peers:
        found.update(peer.versions())
    return found


def _first_line(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    text = (done.stdout or done.stderr).strip()
    return text.splitlines()[0] if text else ""


def warm(path):
    """So that every run finds the input in the page cache."""
    for folder, _, names in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [path])]:
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                while file.read(1 << 22):
                    pass
