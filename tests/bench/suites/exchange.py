"""Rows that cross an exchange by key, in one TaskManager and between two: what the exchange and the network cost."""
import figures
import job_run
from figures import Figure, Result

ROWS = 10_000_000
# Keys hardly repeat within a window, so the half of the aggregation in front of the exchange saves nothing.
JOB = """version: 1
name: exchange
parallelism: 2
checkpoint: {interval: %(interval)s}
state: {backend: memory}
sources:
  rows:
    type: generator
    rows: %(rows)d
    fields:
      key: random_int(1, 1000000000)
      text: random_choice('https://www.example.com/a/b/c/item.htm', 'https://www.example.com/d/e/f/other.htm')
      ts: timestamp_millis(sequence() / 100)
    event_time: {field: ts, max_delay: 1s}
operators:
  latest:
    type: window_aggregate
    input: rows
    key_by: [key]
    window: {tumbling: 1s}
    aggregate: {text: max(text), n: count(*)}
sinks:
  nowhere: {type: discard, input: latest}
"""


def measure(options):
    rows = options.events or ROWS
    text = JOB % {"rows": rows, "interval": options.interval or "10s"}
    shapes = {"one TaskManager": (1, 2), "two TaskManagers": (2, 1)}
    runs = {name: [] for name in shapes}
    for _ in range(options.repeats or 3):
        for name, (taskmanagers, slots) in shapes.items():
            got = {}

            def crossed(_, status, got=got):
                """Bytes of all rows behind the exchange; half of them cross between two processes."""
                got["bytes_exchanged"] = sum(t["bytes_in"] for t in status["tasks"])
            figures_of_run = job_run.run("exchange", text, taskmanagers=taskmanagers, slots=slots, check=crossed)
            runs[name].append(dict(figures_of_run, **got))
            figures.say(name, runs[name][-1])
    found = []
    for name in shapes:
        best = job_run.medians(runs[name])
        found += [Figure("%s: rows/s" % name, best["rows_per_second"]),
                  Figure("  rows/s per core used", best["rows_per_core_second"]),
                  Figure("  CPU seconds per million rows", best["cpu_per_million"]),
                  Figure("  bytes per row behind the exchange", best["bytes_exchanged"] / best["rows"]),
                  Figure("  peak memory of the TaskManagers, MB", best["peak_memory_mb"])]
    one, two = (job_run.medians(runs[name])["cpu_per_million"] for name in shapes)
    found.append(Figure("CPU between two processes against within one", two / one))
    return Result(found, details={"runs": runs},
                  setting={"rows": rows, "parallelism": 2, "checkpoint": options.interval or "10s"})
