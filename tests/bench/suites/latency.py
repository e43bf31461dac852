"""Kafka: from due to visible at 5 000 records/s, beside the bare protocol; the gap after kill -9 of a TaskManager."""
import statistics
import time

import cluster
import figures
import local_broker
import kafka_jobs
import machine
from figures import Figure, Result

TARGETS = {"100ms": (65, 118), "30ms": (28, 62), "20ms": (None, None)}


def pass_job(broker, c, name, interval):
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    c.submit(c.write("job.yaml", kafka_jobs.text(kafka_jobs.PASS, name, broker.address, source, sink, interval)))
    c.wait_checkpoint(name)
    return source, sink


def exact(got):
    if got["lost"] or got["doubled"]:
        raise cluster.Failure("%(lost)d lost, %(doubled)d doubled of %(sent)d" % got)


def latency_run(broker, interval, seconds=15, warmup=4):
    name = "latency-" + interval
    with cluster.Cluster("bench-kafka-" + name, taskmanagers=1, slots=2) as c:
        source, sink = pass_job(broker, c, name, interval)
        before, first = machine.cpu_seconds(c.taskmanagers[0]), c.status(name)["last_checkpoint"]["id"]
        began = time.monotonic()
        got = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
        lasted = time.monotonic() - began
        got["taskmanager_cpu_share"] = (machine.cpu_seconds(c.taskmanagers[0]) - before) / lasted
        got["checkpoints_per_second"] = (c.status(name)["last_checkpoint"]["id"] - first) / lasted
        got["peak_memory_mb"] = machine.memory_mb(c.taskmanagers[0], "VmHWM")
        figures.say("interval " + interval, got)
        exact(got)
        c.cli("cancel", name)
    return got


def bare_run(broker, interval, seconds=15, warmup=4):
    """The transaction protocol without an engine: the machine's share."""
    name = "bare-" + interval
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    copier = broker.tool("bare", **{"in": source, "out": sink, "interval_ms": interval.replace("ms", "")})
    try:
        got = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
    finally:
        copier.kill()
        _, errors = copier.communicate()
    if errors:
        raise cluster.Failure("weir_kafka_bare: " + errors[-2000:])
    figures.say("bare " + interval, got)
    exact(got)
    return got


def visible(broker, _):
    latency_run(broker, "50ms", seconds=6)  # for the broker's JVM
    runs, bare, found = {}, {}, []
    for interval, (p50, p99) in TARGETS.items():
        bare[interval] = bare_run(broker, interval)
        runs[interval] = latency_run(broker, interval)
        found += [Figure("visible at 5 000/s, interval %s: p50, ms" % interval, runs[interval]["p50_ms"], "<=", p50),
                  Figure("  p99, ms", runs[interval]["p99_ms"], "<=", p99),
                  Figure("  the bare protocol: p50, ms", bare[interval]["p50_ms"]),
                  Figure("  the bare protocol: p99, ms", bare[interval]["p99_ms"]),
                  Figure("  checkpoints/s", runs[interval]["checkpoints_per_second"]),
                  Figure("  CPU of the TaskManager, cores", runs[interval]["taskmanager_cpu_share"])]
    return {"runs": runs, "bare": bare}, found


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
                            Figure("  the worst of %d" % len(gaps), max(gaps))]


PARTS = {f.__name__: f for f in (visible, failover)}


def measure(options):
    result = Result(setting={"records per second": 5000})
    with local_broker.Broker() as broker:
        for name in options.parts(PARTS):
            try:
                result.details[name], found = PARTS[name](broker, options)
                result.figures += found
            except cluster.Failure as error:  # the other part is measured all the same
                print("FAILED %s: %s" % (name, error), flush=True)
                result.broken.append("%s: %s" % (name, error))
    return result
