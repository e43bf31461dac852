"""Daemons at rest, their start, submit to RUNNING, kill -9 of a TaskManager to RUNNING."""
import datetime
import re
import statistics
import time

import cluster
import jobs
import machine
from figures import Figure, Result


def idle():
    with cluster.Cluster("bench-idle", taskmanagers=1, slots=2) as c:
        time.sleep(5)
        memory = {p.name: machine.memory_mb(p, "VmRSS") for p in c.processes()}
        before = {p.name: machine.cpu_seconds(p) for p in c.processes()}
        time.sleep(5)
        cpu = {p.name: (machine.cpu_seconds(p) - before[p.name]) / 5 for p in c.processes()}
    return {"memory_mb": memory, "cpu_share": cpu}, [
        Figure("idle JobManager, MB", memory["jobmanager"], "<=", 40),
        Figure("idle TaskManager, MB", memory["tm-1"], "<=", 40)]


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
    return {"millis": millis}, [Figure("TaskManager start to registered, ms", statistics.median(millis), "<=", 300)]


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
    return {"millis": millis}, [Figure("submit to RUNNING, ms (median of 10)", statistics.median(millis), "<=", 200)]


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
    return {"millis": millis}, [Figure("kill -9 of a TaskManager to RUNNING, ms (median of 10)", statistics.median(millis),
                                       "<=", 500)]


PARTS = {f.__name__: f for f in (idle, start, submit, failover)}


def measure(options):
    result = Result()
    for name in options.parts(PARTS):
        result.details[name], found = PARTS[name]()
        result.figures += found
    return result
