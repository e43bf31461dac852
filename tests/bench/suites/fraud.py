"""The fraud job over a file (JSON, count per user and minute), and what frequent checkpoints cost."""
import os
import statistics

import figures
import job_run
import jobs
import machine
import results
from figures import Figure, Result

HAS_PEERS = True
ROWS = 10_000_000
_expected = {}


def sample(rows):
    os.makedirs(figures.FOLDER, exist_ok=True)
    return results.transactions(os.path.join(figures.FOLDER, "transactions-%d.jsonl" % rows), rows, seed=1)


def expected(path):
    """Computed once by Python; 10 M rows take it half a minute."""
    if path not in _expected:
        _expected[path] = results.expected_alerts(path)
    return _expected[path]


def run(rows, interval, parallelism=2):
    """One run of the fraud job on fresh daemons, its alerts compared with what Python computes."""
    path = sample(rows)
    machine.warm(path)

    def check(c, _):
        results.check_exactly_once(expected(path), results.committed_alerts(c.path("alerts")))
    got = job_run.run("fraud", lambda c: jobs.fraud_alert(path, c.path("alerts"), parallelism=parallelism, interval=interval),
                      check=check)
    figures.say("fraud, interval " + interval, got)
    return got


def throughput(options):
    rows = options.events or ROWS
    scale = rows / 10_000_000
    path = sample(rows)
    runs, others = [], {name: [] for name in options.peers}
    for name, peer in options.peers.items():
        peer.fraud_file(path, rows, expected(path), options)  # its first run compiles, and does not count
    for _ in range(options.repeats or 3):
        runs.append(run(rows, "1s", options.parallelism))
        for name, peer in options.peers.items():
            others[name].append(peer.fraud_file(path, rows, expected(path), options))
            figures.say("fraud, " + name, others[name][-1])
    best = job_run.medians(runs)
    found = [Figure("fraud job, %.3g M rows: rows/s" % (rows / 1e6), best["rows_per_second"], ">=", 2.5e6),
             Figure("  CPU of all daemons, s", best["cpu_seconds"], "<=", 6.0 * scale),
             Figure("  CPU seconds per million rows", best["cpu_per_million"]),
             Figure("  rows/s per core used", best["rows_per_core_second"]),
             Figure("  peak memory of the TaskManager, MB", best["peak_memory_mb"], "<=", 500)]
    for name, got in others.items():
        found += options.ratios(name, best, job_run.medians(got), 4.0)
    return {"runs": runs, "peers": others}, found


def intervals(options):
    runs = {"1s": [], "100ms": []}
    for _ in range((options.repeats or 3) + 2):
        for interval, got in runs.items():
            got.append(run(options.events or ROWS, interval, options.parallelism))
    often, seldom = (statistics.median(r["cpu_seconds"] for r in runs[i]) for i in ("100ms", "1s"))
    return {"runs": runs}, [Figure("checkpoints every 100 ms instead of 1 s: more CPU, %", 100 * (often / seldom - 1),
                                   "<=", 15)]


PARTS = {f.__name__: f for f in (throughput, intervals)}


def measure(options):
    result = Result(setting={"rows": options.events or ROWS, "parallelism": options.parallelism, "checkpoint": "1s"})
    for name in options.parts(PARTS):
        result.details[name], found = PARTS[name](options)
        result.figures += found
    return result
