"""A Weir cluster of real processes for tests: start, kill, stop, ask, wait.

Everything lives below build/cluster-tests/<name>/, is removed when the test passes and kept when it fails. Waits are by
condition with generous deadlines (WEIR_TEST_DEADLINE, seconds, default 60): a loaded machine makes a test slow, not red.
"""
import atexit
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("WEIR_BINARY", os.path.join(ROOT, "build", "dev", "weir"))
WORK = os.path.join(ROOT, "build", "cluster-tests")
DEADLINE = float(os.environ.get("WEIR_TEST_DEADLINE", "60"))
CRASH_EXIT_CODE = 113  # of a failpoint
ENDED = ("FINISHED", "STOPPED", "CANCELLED", "FAILED")


class Failure(Exception):
    """The product did something wrong."""


class TooSlow(Failure):
    """Something did not come within the deadline."""


class Skip(Exception):
    """This machine does not allow the test."""


def wait_until(condition, what, deadline=None, interval=0.15):
    """Returns the first truthy value of condition(); its last value is in the error."""
    deadline = deadline or DEADLINE
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TooSlow("not within %.0f s: %s (last seen: %r)" % (deadline, what, value))
        time.sleep(interval)


def describe_exit(code):
    if code is None:
        return "running"
    if code < 0:
        return "killed by " + signal.Signals(-code).name
    return "exit %d" % code


def tail(path, lines=25):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 20_000))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError as error:
        return str(error)


def free_port():
    """A port outside the range of outgoing connections, so that none of those takes it between two starts."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            low = int(file.read().split()[0])
    except OSError:
        low = 32768
    top = low if low > 12_000 else 65_000
    for _ in range(200):
        port = random.SystemRandom().randrange(10_000, top)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port")


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A daemon that can be killed and started again; its logs are appended to."""

    def __init__(self, name, arguments, folder):
        self.name = name
        self.arguments = arguments
        self.out = os.path.join(folder, name + ".out")
        self.log = os.path.join(folder, name + ".log")
        self.popen = None
        self.starts = 0

    def start(self, environment=None):
        assert not self.alive()
        with open(self.out, "w", encoding="ascii"):
            pass
        with open(self.out, "ab") as out, open(self.log, "ab") as log:
            log.write(b"---- start %d %s\n" % (self.starts, json.dumps(environment or {}).encode()))
            log.flush()
            self.popen = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                          env=dict(os.environ, **(environment or {})), preexec_fn=_die_with_parent)
        self.starts += 1
        _started.append(self.popen)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def ready(self):
        return os.path.getsize(self.out) > 0 and tail(self.out).strip() != ""

    def wait_ready(self):
        def condition():
            return self.ready() or not self.alive()
        wait_until(condition, self.name + " prints that it is ready")
        if not self.alive():
            raise Failure("%s: %s instead of getting ready\n%s" % (self.name, describe_exit(self.popen.poll()),
                                                                  tail(self.log)))

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def kill(self):
        """kill -9, and wait until it is gone."""
        if self.popen is not None:
            self.signal(signal.SIGKILL)
            self.popen.wait()

    def wait_exit(self, deadline=None):
        wait_until(lambda: not self.alive(), self.name + " ends", deadline)
        return self.popen.returncode

    def terminate(self):
        self.signal(signal.SIGTERM)
        return self.wait_exit()


_started = []


@atexit.register
def _kill_all():
    for popen in _started:
        if popen.poll() is None:
            popen.kill()


class Cluster:
    """One JobManager and some TaskManagers. Use as a context manager."""

    def __init__(self, name, taskmanagers=3, slots=2, storage=None, heartbeat_timeout="3s"):
        self.folder = os.path.join(WORK, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.storage = storage or self.path("checkpoints")
        self.slots = slots
        self.heartbeat_timeout = heartbeat_timeout
        self.address = None
        self.http_port = None
        self.jobmanager = None
        self.taskmanagers = []
        self.taskmanager_count = taskmanagers
        self.failed = False

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def __enter__(self):
        try:
            self.start_jobmanager()
            for index in range(self.taskmanager_count):
                self.add_taskmanager("tm-%d" % (index + 1)).start()
            self.wait_taskmanagers(self.taskmanager_count)
        except BaseException:
            self.failed = True
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.failed = self.failed or (kind is not None and kind is not Skip)
        dead = [p for p in self.processes() if p.popen is not None and p.popen.poll() not in (None, 0)]
        for process in self.processes():
            process.signal(signal.SIGCONT)
            process.kill()
        if self.failed:
            for process in self.processes():
                state = "died: " + describe_exit(process.popen.returncode) if process in dead else "was well"
                print("---- %s (%s), log %s" % (process.name, state, process.log))
                print(tail(process.log))
            print("---- kept: " + self.folder, flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        return ([self.jobmanager] if self.jobmanager else []) + self.taskmanagers

    def start_jobmanager(self):
        for attempt in range(5):
            port, self.http_port = free_port(), free_port()
            self.address = "127.0.0.1:%d" % port
            config = self.write("jobmanager.yaml", """listen: %s
http_listen: 127.0.0.1:%d
state_dir: %s
checkpoint_storage: file://%s
heartbeat: {interval: 200ms, timeout: %s}
""" % (self.address, self.http_port, self.path("jobmanager-state"), self.storage, self.heartbeat_timeout))
            self.jobmanager = Process("jobmanager", [BINARY, "jobmanager", "--config", config], self.folder)
            self.jobmanager.start()
            try:
                self.jobmanager.wait_ready()
                return
            except Failure:
                if attempt == 4 or "use" not in tail(self.jobmanager.log):  # "address already in use"
                    raise

    def add_taskmanager(self, name, slots=None, binary=None, settings=()):
        """settings: KEY=VALUE, over those of its file."""
        config = self.write(name + ".yaml", """name: %s
jobmanager: %s
listen: 127.0.0.1:0
http_listen: "off"
slots: %d
memory: 512MiB
state_dir: %s
""" % (name, self.taskmanager_setting(), slots or self.slots, self.path(name + "-state")))
        arguments = [binary or BINARY, "taskmanager", "--config", config]
        for setting in settings:
            arguments += ["--set", setting]
        process = Process(name, arguments, self.folder)
        self.taskmanagers.append(process)
        return process

    def taskmanager_setting(self):
        """Where TaskManagers look for the JobManager, as YAML."""
        return self.address

    def wait_taskmanagers(self, count):
        def condition():
            got = self.ask("cluster")
            return got is not None and sum(t["state"] == "available" for t in got["taskmanagers"]) >= count
        wait_until(condition, "%d TaskManagers are registered" % count)

    # ---- the command line

    def command(self, *arguments):
        return [BINARY] + [str(a) for a in arguments] + ["--jobmanager", self.address]

    def cli(self, *arguments, expect=(0,), deadline=None):
        """Runs a verb; an exit code that is not expected, and any death by a signal, is a failure."""
        return run(self.command(*arguments), expect, deadline)

    def ask(self, *arguments):
        """A verb's JSON, None while the JobManager is not reachable."""
        result = self.cli(*arguments, "-o", "json", expect=(0, 5))
        return json.loads(result.stdout) if result.returncode == 0 else None

    def submit(self, job, *arguments):
        """Detached; returns the job's id."""
        return self.cli("submit", job, "--detach", *arguments).stdout.strip().splitlines()[-1]

    def status(self, job):
        return self.ask("status", job)

    def wait_for(self, job, what, condition, deadline=None):
        """Waits until condition(status); a job that ends otherwise is a failure at once."""
        def check():
            status = self.status(job)
            if status is None:
                return None
            if condition(status):
                return status
            if status["state"] in ENDED:
                # A job that came to its end before it was looked at may be a slow machine's.
                kind = TooSlow if status["state"] == "FINISHED" else Failure
                raise kind("job %s is %s while waiting for: %s; failure: %s"
                           % (job, status["state"], what, json.dumps(status.get("failure"))))
            seen.update(status)
            return None
        seen = {}
        try:
            return wait_until(check, "job %s: %s" % (job, what), deadline)
        except TooSlow as error:
            brief = {k: v for k, v in seen.items() if k != "tasks"}
            tasks = ["%s[%s]=%s@%s in=%s" % (t["name"], t["subtask"], t["state"], t["taskmanager"], t["rows_in"])
                     for t in seen.get("tasks", [])]
            raise TooSlow("%s\nlast status: %s\n  %s" % (error, json.dumps(brief), "\n  ".join(tasks))) from None

    def wait_state(self, job, state, deadline=None):
        return self.wait_for(job, "is " + state, lambda s: s["state"] == state, deadline)

    def wait_checkpoint(self, job, after=0, deadline=None):
        return self.wait_for(job, "completes a checkpoint after %d" % after,
                             lambda s: (s["last_checkpoint"] or {"id": 0})["id"] > after, deadline)


def run(arguments, expect=(0,), deadline=None, **options):
    """Runs a program to its end. expect=None accepts every exit code, but never a death by a signal or code 70."""
    deadline = deadline or 2 * DEADLINE
    what = " ".join(os.path.relpath(a, ROOT) if a.startswith(ROOT) else a for a in arguments)
    try:
        result = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline,
                                text=True, errors="replace", check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise TooSlow("not within %.0f s: %s\nstdout: %s\nstderr: %s"
                      % (deadline, what, error.stdout, error.stderr)) from None
    code = result.returncode
    if code < 0 or code == 70 or (expect is not None and code not in expect):
        raise Failure("%s: %s, expected %s\nstdout: %s\nstderr: %s"
                      % (what, describe_exit(code), expect, result.stdout[-3000:], result.stderr[-6000:]))
    return result


def main(tests):
    """Runs the test functions named on the command line, all without names. One line PASS, FAIL or SKIP for each.

    A test that was only too slow is tried once more, and said to have been.
    """
    suite = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    names = {t.__name__: t for t in tests}
    chosen = sys.argv[1:] or list(names)
    for name in chosen:
        if name not in names:
            sys.exit("no test %s; there are: %s" % (name, ", ".join(names)))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    if not os.access(BINARY, os.X_OK):
        sys.exit("no executable %s; build it or set WEIR_BINARY" % BINARY)
    failed = 0
    for name in chosen:
        failed += not run_test(suite + "." + name, names[name])
    sys.exit(1 if failed else 0)


def run_test(name, test):
    for attempt in (1, 2):
        began = time.monotonic()
        try:
            test()
            verdict, note = "PASS", "" if attempt == 1 else " (at the second attempt; the first was too slow)"
        except Skip as reason:
            verdict, note = "SKIP", ": %s" % reason
        except TooSlow as error:
            verdict, note = "FAIL", ": %s" % error
            if attempt == 1:
                print("SLOW %s: %s\nonce more" % (name, error), flush=True)
                continue
        except Failure as error:
            verdict, note = "FAIL", ": %s" % error
        except Exception as error:  # pylint: disable=broad-except
            import traceback
            traceback.print_exc(file=sys.stdout)
            verdict, note = "FAIL", ": %s: %s" % (type(error).__name__, error)
        print("%s %s %.1fs%s" % (verdict, name, time.monotonic() - began, note), flush=True)
        return verdict != "FAIL"
    return False
