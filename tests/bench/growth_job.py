"""Jobs that count by key, watched while they run: keys drawn at random, or each once and then as streams draw them."""
import glob
import time

import machine  # first: it finds tests/cluster
import cluster

JOB = """version: 1
name: %(name)s
parallelism: 1
checkpoint: {interval: %(interval)s}
state: {backend: rocksdb}
sources:
  bids:
    type: nexmark
    stream: bid
    events: %(events)d
%(clock)s
    event_time: {field: date_time, max_delay: 1s}
operators:
%(keyed)s
  counts: {type: window_aggregate, input: keyed, key_by: [k], window: {tumbling: %(window)s}, aggregate: {n: count(*)}}
sinks:
  counted: {type: discard, input: counts}
"""
STEADY_CLOCK = "    event_rate: 1000000/s"
RANDOM = ("  keyed: {type: select, input: bids, fields: "
          "{k: (auction * 1000003 + bidder * 7919 + price) %% %d, date_time: date_time}}")
# At 1000 events a second the millisecond of a bid is the number of its event: `n` numbers the bids from 0. While n < made, n is
# the key. After that every 16th row makes a new one, as an auction has about so many bids; of 16 rows 15 have one of the youngest
# 64th of the keys, one any that there is.
NUMBERED = """    event_rate: 1000/s
    base_time: "1970-01-01 00:00:00\""""
DRAWN = """  numbered:
    type: select
    input: bids
    fields:
      n: unix_millis(date_time) / 50 * 46 + unix_millis(date_time) %% 50 - 4
      spread: auction * 1000003 + bidder * 7919 + price
      date_time: date_time
  placed:
    type: select
    input: numbered
    fields:
      n: n
      there_are: if(n < %(made)d, n + 1, %(made)d + (n - %(made)d) / 16)
      one_in_16: spread %% 16
      far: spread / 16
      date_time: date_time
  keyed:
    type: select
    input: placed
    fields:
      k: "case when n < %(made)d then n when one_in_16 = 0 then far %% there_are else there_are - far %% %(recent)d end %% %(ring)d"
      date_time: date_time"""
QUIET, IDLE = 2_000_000, 0.05  # so many rows with so few CPU seconds of the database's threads: it is through with what was made


def counting(name, interval, events, clock, keyed, window):
    """The text of a job that counts made bids by key. `clock`: the source's lines about time; `keyed`: the operators up to
    `keyed`, which gives `k` and `date_time`."""
    return JOB % {"name": name, "interval": interval, "events": events, "clock": clock, "keyed": keyed, "window": window}


class Progress(machine.Watch):
    """Rows that the job has taken, with the CPU seconds of all daemons and of the database's threads at that time, and the
    TaskManager's memory."""

    def __init__(self, c, job):
        super().__init__(0.25)
        self._cluster, self._job = c, job
        self.points = []  # rows, CPU seconds, of the database: where rows had just been told
        self.anonymous_mb = 0.0

    def look(self):
        taskmanager = self._cluster.taskmanagers[0]
        self.anonymous_mb = max(self.anonymous_mb, machine.memory_mb(taskmanager, "RssAnon"))
        status = self._cluster.status(self._job)
        if status is None:
            return False
        rows = _rows(status)
        if not self.points or self.points[-1][0] != rows:
            self.points.append((rows, machine.cpu_of(self._cluster.processes()), _database_seconds(taskmanager)))
        return status["state"] in cluster.ENDED


def run(made, drawn, ring, memory, interval, deadline=1800):
    """`made` keys come to be, then `drawn` rows are; keys are taken modulo `ring`.

    What comes back: nanoseconds of CPU (all daemons, all threads) a row while keys are made; while they are drawn, until the
    database has merged what was made (`settle_rows`), and from then on; of the whole run with what the window gives at its end. And
    the most memory of the TaskManager that is not the page cache's.
    """
    rows = made + drawn
    drawn_keys = DRAWN % {"made": made, "recent": max(made // 64, 1), "ring": ring}
    text = counting("growth-beyond", interval, rows // 46 * 50, NUMBERED, drawn_keys, "365d")
    status, progress, cpu = _watched("growth-beyond", text, memory, deadline)
    rows = _rows(status)
    settled = _settled(progress.points, made)
    if settled is None:
        raise cluster.Failure("the database was still merging what was made when the last of %d rows came" % rows)
    keys = sum(t["rows_out"] for t in status["tasks"] if "counted" in t["name"])
    found = {"rows": rows, "keys": keys, "settle_rows": settled - made, "whole_ns": cpu / rows * 1e9, "cpu_seconds": cpu,
             "anonymous_mb": progress.anonymous_mb, "checkpoints": status["checkpoints_completed"],
             "make_ns": _between(progress.points, 0, made), "settle_ns": _between(progress.points, made, settled),
             "draw_ns": _between(progress.points, settled, rows)}
    if found["draw_ns"] is None:
        raise cluster.Failure("the job was not seen while keys were drawn: too few rows")
    return found


def run_random(keys, events, memory, interval, deadline=1800):
    """`events` rows with one of `keys` keys each, in no order.

    What comes back: nanoseconds of CPU (all daemons, all threads) a row, of the whole run and of its last three quarters
    (`steady_ns`), by when nearly all keys are there; and the TaskManager's most memory.
    """
    text = counting("growth", interval, events, STEADY_CLOCK, RANDOM % keys, "24h")
    status, progress, cpu = _watched("growth", text, memory, deadline)
    rows = _rows(status)
    steady = _between(progress.points, rows // 4, rows)
    if steady is None:
        raise cluster.Failure("the job was not seen while it ran: %d events are too few" % events)
    return {"rows": rows, "whole_ns": cpu / rows * 1e9, "steady_ns": steady, "cpu_seconds": cpu,
            "rows_per_second": rows / progress.seconds, "checkpoints": status["checkpoints_completed"],
            "peak_memory_mb": progress.peak_mb}


def _watched(name, text, memory, deadline):
    """Runs the job on daemons of its own: its last status, its Progress, and the CPU seconds of all daemons."""
    with cluster.Cluster("bench-" + name, taskmanagers=0, slots=1) as c:
        c.add_taskmanager("tm-1", settings=["memory=" + memory]).start()
        c.wait_taskmanagers(1)
        before = machine.cpu_of(c.processes())
        began = time.monotonic()
        job = c.submit(c.write("job.yaml", text))
        with Progress(c, job) as progress:
            c.wait_state(job, "FINISHED", deadline)
        progress.seconds = time.monotonic() - began
        progress.peak_mb = machine.memory_mb(c.taskmanagers[0], "VmHWM")
        return c.status(job), progress, machine.cpu_of(c.processes()) - before


def _rows(status):
    """What the source gave."""
    return sum(t["rows_in"] for t in status["tasks"] if "bids" in t["name"])


def _database_seconds(process):
    """CPU of the threads that merge the database's files."""
    ticks = 0
    for path in glob.glob("/proc/%d/task/*/stat" % process.pid):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                before, fields = file.read().rsplit(")", 1)
        except OSError:  # the thread has ended
            continue
        if "(rocksdb:" in before:
            ticks += sum(int(f) for f in fields.split()[11:13])
    return ticks / machine.TICKS


def _settled(points, made):
    """The first row after `made` from which on the database did nothing for a while; None when there is none."""
    for at, (rows, _, database) in enumerate(points):
        if rows < made:
            continue
        for later, _, database_later in points[at:]:
            if database_later - database > IDLE:
                break
            if later - rows >= QUIET:
                return rows
    return None


def _between(points, low, high):
    """Nanoseconds of CPU a row between the first and the last point within; None when there are none."""
    inner = [p for p in points if low <= p[0] < high]
    if len(inner) < 2:
        return None
    return (inner[-1][1] - inner[0][1]) / (inner[-1][0] - inner[0][0]) * 1e9
