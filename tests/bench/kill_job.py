"""A keyed job with a state of some size, and what a kill -9 of one of its daemons costs: until it runs, until it tells more."""
import os
import re
import statistics
import time

import machine  # first: it finds tests/cluster
import cluster
import figures

# `latest` holds what `fill` made until the end of the day; `ticks` shows that the job goes on. One checkpoint covers both.
JOB = """version: 1
name: recovery
parallelism: 2
checkpoint: {interval: 200ms}
restart: {strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: 1000}
sources:
  fill:
    type: generator
    rows: %(keys)d
    fields:
      key: sequence()
      text: random_choice('%(text)s-1', '%(text)s-2')
      ts: timestamp_millis(sequence() / 10000)
    event_time: {field: ts, max_delay: 0s}
  live:
    type: generator
    rate: 2000/s
    fields:
      key: sequence()
      text: random_choice('%(text)s-1', '%(text)s-2')
      ts: timestamp_millis(sequence() / 2)
    event_time: {field: ts, max_delay: 0s}
operators:
  rows: {type: union, inputs: [fill, live]}
  latest: {type: window_aggregate, input: rows, key_by: [key], window: {tumbling: 24h}, aggregate: {text: max(text), n: count(*)}}
  parted: {type: select, input: live, fields: {part: key %% 8, ts: ts}}
  ticks: {type: window_aggregate, input: parted, key_by: [part], window: {tumbling: 100ms}, aggregate: {n: count(*)}}
sinks:
  nowhere: {type: discard, input: latest}
  told: {type: file, input: ticks, path: %(out)s, format: {type: json}}
"""
TEXT = "x" * 60
ENTRY_BYTES = 100
MEMORY = "12GiB"  # so that the state of both subtasks fits into one process; with 6 GiB a part of it lies in RocksDB


def measure(megabytes, kills):
    """Milliseconds of some kills of each daemon, by what was killed: until RUNNING, and until the first new file of the sink."""
    keys = megabytes * 1_000_000 // ENTRY_BYTES
    found = {"TaskManager": [], "JobManager": []}
    with cluster.Cluster("bench-recovery", taskmanagers=0, slots=2) as c:
        for number in (1, 2):
            c.add_taskmanager("tm-%d" % number, settings=["memory=" + MEMORY]).start()
        c.wait_taskmanagers(2)
        c.submit(c.write("job.yaml", JOB % {"keys": keys, "text": TEXT, "out": c.path("told")}))
        c.wait_for("recovery", "has all of its state", lambda s: filled(s) >= keys, deadline=600)
        for _ in range(kills):
            for what, runs in found.items():
                settle(c)
                runs.append(one_kill(c, what))
                figures.say("%d MB, kill -9 of a %s" % (megabytes, what), runs[-1])
        c.cli("cancel", "recovery")
    return found


def filled(status):
    """The rows that the state has taken; hardly any comes twice, so the half of the aggregation in front passes them all."""
    return sum(t["rows_in"] for t in status["tasks"] if "latest" in t["name"] and "fill" not in t["name"])


def settle(c):
    """All are there, and the attempt stands: two checkpoints of its own."""
    c.wait_taskmanagers(2)
    done = c.wait_checkpoint("recovery", deadline=300)["last_checkpoint"]["id"]
    c.wait_checkpoint("recovery", after=done + 1, deadline=300)


def one_kill(c, what):
    before = c.status("recovery")
    if what == "JobManager":
        victim = c.jobmanager
    else:
        busy = {t["taskmanager"] for t in before["tasks"]}
        victim = next(p for p in c.taskmanagers if p.name in busy)
    began = time.monotonic()
    victim.kill()
    with NewFile(c.path("told"), before["attempt"] if what == "TaskManager" else None) as told:
        if what == "JobManager":
            victim.start()

        def running():
            status = c.status("recovery")
            return status and status["state"] == "RUNNING" and (what == "JobManager" or status["attempt"] > before["attempt"])
        cluster.wait_until(running, "RUNNING again", 300, interval=0.005)
        running_ms = (time.monotonic() - began) * 1000
        output_ms = (told.wait() - began) * 1000
    if not victim.alive():
        victim.start()
    return {"running_ms": running_ms, "output_ms": output_ms}


class NewFile(machine.Watch):
    """When the first visible file came into a sink's folder that was not there; with an attempt, one of a later attempt."""

    def __init__(self, folder, attempt):
        super().__init__(0.003)
        self._folder, self._attempt = folder, attempt
        time.sleep(0.02)  # what was being renamed by a process that lives
        self._known = set(os.listdir(folder))
        self._moment = None

    def wait(self):
        return cluster.wait_until(lambda: self._moment, "a new file", 300, interval=0.005)

    def look(self):
        if any(self._counts(n) for n in os.listdir(self._folder) if n not in self._known):
            self._moment = time.monotonic()
        return self._moment is not None

    def _counts(self, name):
        # part-<job>-<node>-<attempt>-<subtask>-<sequence>.json
        numbers = re.fullmatch(r"part-.*-(\d+)-\d+-\d+\.json", name)
        return numbers is not None and (self._attempt is None or int(numbers.group(1)) > self._attempt)


def medians(runs):
    return [statistics.median(r[k] for r in runs) for k in ("running_ms", "output_ms")]
