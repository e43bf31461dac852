"""Kafka: from due to visible at 5 000 records/s, beside the bare protocol; the gap after kill -9 of a TaskManager."""
import statistics
import time

import cluster
import figures
import job_run
import local_broker
import kafka_jobs
import machine
from figures import Figure, Result, Table

# Interval and parallelism: absolute targets in ms (p50, p99), and those against the bare protocol in the same run. The absolute
# ones come from a machine on which the bare protocol takes 58 / 109 ms at 100 ms and 22 / 51 ms at 30 ms: so the ratios.
# Both make as many transactions per interval: one a subtask.
TARGETS = {("100ms", 2): ((65, 118), (1.12, 1.08)), ("30ms", 2): ((28, 62), (1.27, 1.22)),
           ("30ms", 1): ((28, 62), (1.27, 1.22)), ("20ms", 2): (None, None)}


def pass_job(broker, c, name, interval, parallelism=2):
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    c.submit(c.write("job.yaml", kafka_jobs.text(kafka_jobs.PASS, name, broker.address, source, sink, interval, parallelism)))
    c.wait_checkpoint(name)
    return source, sink


def exact(got):
    if got["lost"] or got["doubled"]:
        raise cluster.Failure("%(lost)d lost, %(doubled)d doubled of %(sent)d" % got)


def latency_run(broker, interval, parallelism, number, seconds=15, warmup=4):
    name = "latency-%s-%d-%s" % (interval, parallelism, number)
    with cluster.Cluster("bench-kafka-" + name, taskmanagers=1, slots=2) as c:
        source, sink = pass_job(broker, c, name, interval, parallelism)
        before, first = machine.cpu_seconds(c.taskmanagers[0]), c.status(name)["last_checkpoint"]["id"]
        began = time.monotonic()
        got = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
        lasted = time.monotonic() - began
        got["taskmanager_cpu_share"] = (machine.cpu_seconds(c.taskmanagers[0]) - before) / lasted
        got["checkpoints_per_second"] = (c.status(name)["last_checkpoint"]["id"] - first) / lasted
        got["peak_memory_mb"] = machine.memory_mb(c.taskmanagers[0], "VmHWM")
        figures.say("%s x %d" % (interval, parallelism), got)
        exact(got)
        c.cli("cancel", name)
    return got


def bare_run(broker, interval, threads, number, seconds=15, warmup=4):
    """The transaction protocol without an engine: the machine's share."""
    name = "bare-%s-%d-%s" % (interval, threads, number)
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    copier = broker.tool("bare", **{"in": source, "out": sink, "interval_ms": interval.replace("ms", ""), "threads": threads})
    try:
        got = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
    finally:
        copier.kill()
        _, errors = copier.communicate()
    if errors:
        raise cluster.Failure("weir_kafka_bare: " + errors[-2000:])
    figures.say("bare %s x %d" % (interval, threads), got)
    exact(got)
    return got


def visible(broker, options):
    """In turns: the bare protocol, then the job; the medians count."""
    latency_run(broker, "50ms", 2, "first", seconds=6)  # for the broker's JVM
    runs, bare, broken, found, rows = {}, {}, [], [], []
    for number in range(options.repeats or 2):
        for interval, parallelism in TARGETS:
            key = "%s x %d" % (interval, parallelism)
            for kept, run in ((bare, bare_run), (runs, latency_run)):
                try:
                    kept.setdefault(key, []).append(run(broker, interval, parallelism, number))
                except cluster.Failure as error:  # the others are measured all the same
                    print("FAILED %s: %s" % (key, error), flush=True)
                    broken.append("%s of %s: %s" % (run.__name__, key, str(error)[:300]))
    for (interval, parallelism), (absolute, relative) in TARGETS.items():
        key = "%s x %d" % (interval, parallelism)
        if not runs[key] or not bare[key]:
            continue
        ours, theirs = job_run.medians(runs[key]), job_run.medians(bare[key])
        what = "visible at 5 000/s, interval %s, parallelism %d" % (interval, parallelism)
        row = [interval, parallelism]
        for index, quantile in enumerate(("p50", "p99")):
            us, them = ours[quantile + "_ms"], theirs[quantile + "_ms"]
            target, limit = absolute and absolute[index], relative and relative[index]
            found += [Figure("%s%s, ms" % (what + ": " if index == 0 else "  ", quantile), us, "<=" if target else None, target),
                      Figure("    the bare protocol, ms", them),
                      Figure("    against the bare protocol", us / them, "<=" if limit else None, limit)]
            row += [us, target, them, us / them, limit]
        found += [Figure("  checkpoints/s", ours["checkpoints_per_second"]),
                  Figure("  CPU of the TaskManager, cores", ours["taskmanager_cpu_share"])]
        rows.append(row)
    return {"runs": runs, "bare": bare, "broken": broken}, found, [Table("From due to visible, ms, beside the bare protocol", [
        "interval", "parallelism", "p50", "target", "bare", "ratio", "target", "p99", "target", "bare", "ratio", "target"], rows)]


def failover_run(broker, number):
    """kill -9 of a TaskManager that has tasks, with spare slots elsewhere."""
    name = "failover-%d" % number
    with cluster.Cluster("bench-kafka-" + name, taskmanagers=2, slots=2) as c:
        source, sink = pass_job(broker, c, name, "100ms")
        probe = broker.tool("latency", **{"in": source, "out": sink, "seconds": 8, "warmup": 3})
        time.sleep(6)
        busy = {t["taskmanager"] for t in c.status(name)["tasks"]}
        next(p for p in c.taskmanagers if p.name in busy).kill()
        got = local_broker.result(probe)
        got["attempt"] = c.status(name)["attempt"]
        figures.say("kill -9", got)
        exact(got)
        c.cli("cancel", name)
    return got


def failover(broker, options):
    runs = [failover_run(broker, number) for number in range((options.repeats or 3) + 1)][1:]  # the first: for the JVM
    gaps = [r["longest_gap_ms"] for r in runs]
    return {"runs": runs}, [Figure("kill -9 of a TaskManager: longest gap, ms (median)", statistics.median(gaps), "<=", 800),
                            Figure("  the worst of %d" % len(gaps), max(gaps))], [
        Table("kill -9 of a TaskManager, interval 100 ms: longest gap in the output", ["runs", "median, ms", "target", "worst"],
              [[len(gaps), statistics.median(gaps), 800, max(gaps)]])]


PARTS = {f.__name__: f for f in (visible, failover)}


def measure(options):
    result = Result(setting={"records per second": 5000})
    with local_broker.Broker() as broker:
        for name in options.parts(PARTS):
            try:
                result.details[name], found, tables = PARTS[name](broker, options)
                result.figures += found
                result.broken += result.details[name].get("broken", [])
                result.tables += tables
            except cluster.Failure as error:  # the other part is measured all the same
                print("FAILED %s: %s" % (name, error), flush=True)
                result.broken.append("%s: %s" % (name, error))
    return result
