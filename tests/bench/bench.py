#!/usr/bin/env python3
"""The figures of a release build: what tests/bench/run.sh prints and keeps."""
import datetime
import json
import os
import platform
import re
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("WEIR_BINARY", os.path.join(ROOT, "build", "release", "weir"))
sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))

import cluster  # noqa: E402
import jobs  # noqa: E402
import results  # noqa: E402

FOLDER = os.path.join(ROOT, "build", "bench")
ROWS = int(os.environ.get("WEIR_BENCH_ROWS", "10000000"))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(process, field):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def sample():
    path = os.path.join(FOLDER, "transactions-%d.jsonl" % ROWS)
    return results.transactions(path, ROWS, seed=1)


def warm(path):
    """So that every run finds the input in the page cache."""
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass


def fraud_run(interval, number=0):
    """One run of the fraud job on fresh daemons. Time is from `submit` to its end, CPU is of all daemons."""
    path = sample()
    with cluster.Cluster("bench-%s-%d" % (interval, number), taskmanagers=1, slots=2) as c:
        job = c.write("job.yaml", jobs.fraud_alert(path, c.path("alerts"), parallelism=2, interval=interval))
        warm(path)
        before = sum(cpu_seconds(p) for p in c.processes())
        began = time.monotonic()
        c.cli("submit", job, deadline=900)
        seconds = time.monotonic() - began
        cpu = sum(cpu_seconds(p) for p in c.processes()) - before
        status = c.status("fraud-alert")
        if status["state"] != "FINISHED":
            raise cluster.Failure("the job is %s: %s" % (status["state"], status["failure"]))
        # Checked once: later runs only have to say the same number of rows.
        found = results.committed_alerts(c.path("alerts"))
        expected = expected_alerts(path)
        results.check_exactly_once(expected, found)
        return {"seconds": seconds, "rows_per_second": ROWS / seconds, "cpu_seconds": cpu,
                "peak_memory_mb": memory_mb(c.taskmanagers[0], "VmHWM"),
                "checkpoints": status.get("checkpoints_completed"), "interval": interval}


_expected = {}


def expected_alerts(path):
    if path not in _expected:
        _expected[path] = results.expected_alerts(path)
    return _expected[path]


def throughput():
    runs = [fraud_run("1s", i) for i in range(3)]
    best = {k: statistics.median(r[k] for r in runs) for k in ("rows_per_second", "cpu_seconds", "peak_memory_mb")}
    return {"runs": runs}, [
        ("fraud job, %d M rows, p=2: rows/s" % (ROWS // 1_000_000), best["rows_per_second"], ">=", 2.5e6),
        ("  CPU of all daemons, s", best["cpu_seconds"], "<=", 6.0 * ROWS / 10_000_000),
        ("  peak memory of the TaskManager, MB", best["peak_memory_mb"], "<=", 500)]


def intervals():
    runs = {"1s": [], "100ms": []}
    for number in range(5):
        for interval, got in runs.items():
            got.append(fraud_run(interval, 10 + number))
    often, seldom = (statistics.median(r["cpu_seconds"] for r in runs[i]) for i in ("100ms", "1s"))
    return {"runs": runs}, [("checkpoints every 100 ms instead of 1 s: more CPU, %", 100 * (often / seldom - 1), "<=", 15)]


def idle():
    with cluster.Cluster("bench-idle", taskmanagers=1, slots=2) as c:
        time.sleep(5)
        memory = {p.name: memory_mb(p, "VmRSS") for p in c.processes()}
        before = {p.name: cpu_seconds(p) for p in c.processes()}
        time.sleep(5)
        cpu = {p.name: (cpu_seconds(p) - before[p.name]) / 5 for p in c.processes()}
    return {"memory_mb": memory, "cpu_share": cpu}, [
        ("idle JobManager, MB", memory["jobmanager"], "<=", 40), ("idle TaskManager, MB", memory["tm-1"], "<=", 40)]


def start():
    """From exec to the line that says it is registered and ready."""
    millis = []
    with cluster.Cluster("bench-start", taskmanagers=1, slots=2) as c:
        taskmanager = c.taskmanagers[0]
        for _ in range(10):
            taskmanager.terminate()
            cluster.wait_until(lambda: not c.ask("cluster")["taskmanagers"], "it is gone", interval=0.05)
            began = time.monotonic()
            taskmanager.start()
            while not taskmanager.ready():
                time.sleep(0.001)
            millis.append((time.monotonic() - began) * 1000)
            c.wait_taskmanagers(1)
    return {"millis": millis}, [("TaskManager start to registered, ms", statistics.median(millis), "<=", 300)]


def submit():
    """From the start of `weir submit` to RUNNING, by the clock of the JobManager's log (this machine's)."""
    millis = []
    with cluster.Cluster("bench-submit", taskmanagers=1, slots=2) as c:
        for number in range(10):
            job = c.write("job.yaml", jobs.endless("job-%d" % number, parallelism=2))
            began = time.time()
            job_id = c.submit(job)
            running = cluster.wait_until(lambda name="job-%d" % number: running_since(c.jobmanager.log, name),
                                         "RUNNING in the log", interval=0.01)
            millis.append((running - began) * 1000)
            c.cli("cancel", job_id)
    return {"millis": millis}, [("submit to RUNNING, ms (median of 10)", statistics.median(millis), "<=", 200)]


def running_since(log, job):
    with open(log, encoding="utf-8") as file:
        for line in file:
            if re.search(r" job=%s .*\brunning$" % job, line):
                moment = datetime.datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%fZ")
                return moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    return None


def failover():
    """kill -9 of a TaskManager that has tasks, with spare slots elsewhere, to RUNNING as `status` tells it."""
    millis = []
    with cluster.Cluster("bench-failover", taskmanagers=2, slots=2) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless", parallelism=2, rate=10_000)))
        for _ in range(10):
            c.wait_taskmanagers(2)
            # The next kill comes when the attempt stands: after a checkpoint of its own.
            c.cli("wait", "endless", "--for", "checkpoint")
            before = c.status("endless")
            busy = {t["taskmanager"] for t in before["tasks"]}
            victim = next(p for p in c.taskmanagers if p.name in busy)
            began = time.monotonic()
            victim.kill()

            def running_again(attempt=before["attempt"]):
                status = c.status("endless")
                return status["state"] == "RUNNING" and status["attempt"] > attempt
            cluster.wait_until(running_again, "RUNNING again", interval=0.005)
            millis.append((time.monotonic() - began) * 1000)
            victim.start()
    return {"millis": millis}, [("kill -9 of a TaskManager to RUNNING, ms (median of 10)", statistics.median(millis),
                                 "<=", 500)]


FIGURES = {f.__name__: f for f in (throughput, intervals, idle, start, submit, failover)}


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()}


def main():
    chosen = sys.argv[1:] or list(FIGURES)
    unknown = set(chosen) - set(FIGURES)
    if unknown:
        sys.exit("unknown figures: %s; there are: %s" % (", ".join(sorted(unknown)), " ".join(FIGURES)))
    os.makedirs(FOLDER, exist_ok=True)
    rows, short = [], 0
    for name in chosen:
        print("measuring %s ..." % name, flush=True)
        details, figures = FIGURES[name]()
        kept = {"figure": name, "machine": machine(), "details": details,
                "figures": [{"name": n.strip(), "value": v, "target": "%s %g" % (s, t), "reached": reached(v, s, t)}
                            for n, v, s, t in figures]}
        with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1)
        rows += figures
    print("\n%-58s %14s %14s" % ("figure", "measured", "target"))
    for name, value, sense, target in rows:
        good = reached(value, sense, target)
        short += not good
        print("%-58s %14s %14s  %s" % (name, number(value), sense + " " + number(target), "reached" if good else "SHORT"))
    print("\n%d of %d targets reached; %s" % (len(rows) - short, len(rows), FOLDER))


def reached(value, sense, target):
    return value >= target if sense == ">=" else value <= target


def number(value):
    return format(value, ",.0f") if abs(value) >= 100 else format(value, ".2f")


if __name__ == "__main__":
    main()
