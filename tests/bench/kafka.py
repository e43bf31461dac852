#!/usr/bin/env python3
"""The Kafka figures of a release build, on a broker of their own, beside the plain librdkafka drain of the same topic.

    ./tests/bench/run.sh kafka [throughput] [latency] [failover] [--records N] [--repeats N]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import bench  # sets WEIR_BINARY
import cluster
import kafka_jobs

TOOLS = os.path.join(os.path.dirname(os.environ["WEIR_BINARY"]), "tests", "bench")
LOCAL_KAFKA = os.path.join(cluster.ROOT, "deploy", "local-kafka.sh")
MEMORY = []  # the peak of every TaskManager


class Broker:
    """A fresh broker with a JVM that compiles fully: what a user's would be."""

    def __enter__(self):
        self.port = cluster.free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.folder = os.path.join(bench.FOLDER, "broker")
        self.script("down", "--wipe")
        self.script("up", "--port", str(self.port))
        return self

    def __exit__(self, kind, value, trace):
        self.script("down", "--wipe")

    def script(self, verb, *options):
        environment = dict(os.environ, WEIR_KAFKA_JVM="-XX:TieredStopAtLevel=4", WEIR_KAFKA_HEAP="1g")
        result = subprocess.run([LOCAL_KAFKA, verb, "--dir", self.folder] + list(options), env=environment, check=False,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            raise cluster.Failure("local-kafka.sh %s: %s" % (verb, result.stdout))

    def tool(self, name, **options):
        """Starts one of the measuring programs; result() waits for its line of JSON."""
        command = [os.path.join(TOOLS, "weir_kafka_" + name), "--brokers", self.address]
        for key, value in options.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def run(self, name, **options):
        return result(self.tool(name, **options))

    def topic(self, name, partitions=2):
        self.run("load", topic=name, partitions=partitions, records=0)
        return name

    def delete(self, name):
        self.run("load", topic=name, delete=1)


def result(process):
    out, errors = process.communicate(timeout=300)
    if process.returncode != 0:
        raise cluster.Failure("%s: exit %d: %s" % (process.args[0], process.returncode, errors[-2000:]))
    return json.loads(out) if out.strip() else None


def peak_memory(processes):
    MEMORY.append(max(bench.memory_mb(p, "VmHWM") for p in processes if p.alive()))
    return MEMORY[-1]


# ---- 10 M records, once through

def bounded_run(broker, form, name, number):
    output = broker.topic("%s-%d" % (name, number))
    with cluster.Cluster("bench-kafka-%s-%d" % (name, number), taskmanagers=1, slots=2) as c:
        job = c.write("job.yaml", kafka_jobs.text(form, name, broker.address, "transactions", output, "1s", bounded=True))
        before = [bench.cpu_seconds(p) for p in c.processes()]
        began = time.monotonic()
        c.cli("submit", job, deadline=300)
        seconds = time.monotonic() - began
        cpu = [bench.cpu_seconds(p) - b for p, b in zip(c.processes(), before)]
        status = c.status(name)
        if status["state"] != "FINISHED":
            raise cluster.Failure("%s is %s: %s" % (name, status["state"], status["failure"]))
        return output, {"seconds": seconds, "cpu_seconds": sum(cpu), "cpu_of_taskmanager": cpu[-1],
                        "peak_memory_mb": peak_memory(c.taskmanagers),
                        "checkpoints": (status.get("last_checkpoint") or {}).get("id"), "attempt": status["attempt"]}


def verify(broker, topic, kind, records, digest):
    """The output, read by librdkafka alone: exactly these records, in whatever order."""
    got = broker.run("drain", topic=topic, digest=kind, expect=records)
    if got["records"] != records or got["digest"] != digest:
        raise cluster.Failure("%s: %d records (digest %s), expected %d (digest %s)" % (
            topic, got["records"], got["digest"], records, digest))
    broker.delete(topic)


def throughput(broker, options):
    loaded = broker.run("load", topic="transactions", partitions=2, records=options.records)
    say("loaded", loaded)
    runs = {"drain": [], "fraud": [], "pass": [], "bare": []}
    broker.run("drain", topic="transactions")  # for the JVM
    for number in range(options.repeats):
        runs["drain"].append(broker.run("drain", topic="transactions"))
        say("drain", runs["drain"][-1])
        output, figures = bounded_run(broker, kafka_jobs.FRAUD, "fraud", number)
        say("fraud", figures)
        verify(broker, output, "alerts", loaded["alerts"], loaded["alert_digest"])
        runs["fraud"].append(figures)
        output, figures = bounded_run(broker, kafka_jobs.PASS, "pass", number)
        say("pass", figures)
        verify(broker, output, "values", loaded["records"], loaded["digest"])
        runs["pass"].append(figures)
        output = broker.topic("bare-%d" % number)
        runs["bare"].append(broker.run("bare", **{"in": "transactions", "out": output, "threads": 2, "interval_ms": 1000,
                                                  "bounded": 1}))
        say("bare copy", runs["bare"][-1])
        verify(broker, output, "values", loaded["records"], loaded["digest"])

    def median(name, field):
        return statistics.median(r[field] for r in runs[name])
    ratio = statistics.median(f["seconds"] / d["seconds"] for f, d in zip(runs["fraud"], runs["drain"]))
    scale = options.records / 10_000_000
    return {"load": loaded, "runs": runs}, [
        ("plain drain of the topic: wall, s", median("drain", "seconds"), None, None),
        ("  CPU, s", median("drain", "cpu_seconds"), None, None),
        ("fraud: wall, s", median("fraud", "seconds"), None, None),
        ("  wall against the drain", ratio, "<=", 2.0),
        ("  CPU of all daemons, s", median("fraud", "cpu_seconds"), "<=", 6.0 * scale),
        ("  CPU against the drain", median("fraud", "cpu_seconds") / median("drain", "cpu_seconds"), None, None),
        ("pass: wall, s", median("pass", "seconds"), "<=", 6.0 * scale),
        ("  wall against the drain", median("pass", "seconds") / median("drain", "seconds"), None, None),
        ("  CPU of all daemons, s", median("pass", "cpu_seconds"), "<=", 9.0 * scale),
        ("  CPU against the drain", median("pass", "cpu_seconds") / median("drain", "cpu_seconds"), None, None),
        ("bare copy, librdkafka alone: wall, s", median("bare", "seconds"), None, None),
        ("  CPU, s", median("bare", "cpu_seconds"), None, None)]


# ---- 5 000 records a second, from due to visible

def pass_job(broker, c, name, interval):
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    c.submit(c.write("job.yaml", kafka_jobs.text(kafka_jobs.PASS, name, broker.address, source, sink, interval)))
    c.wait_checkpoint(name)
    return source, sink


def exact(figures):
    if figures["lost"] or figures["doubled"]:
        raise cluster.Failure("%(lost)d lost, %(doubled)d doubled of %(sent)d" % figures)


def latency_run(broker, interval, seconds=15, warmup=4):
    name = "latency-" + interval
    with cluster.Cluster("bench-kafka-" + name, taskmanagers=1, slots=2) as c:
        source, sink = pass_job(broker, c, name, interval)
        before, first = bench.cpu_seconds(c.taskmanagers[0]), c.status(name)["last_checkpoint"]["id"]
        began = time.monotonic()
        figures = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
        lasted = time.monotonic() - began
        figures["taskmanager_cpu_share"] = (bench.cpu_seconds(c.taskmanagers[0]) - before) / lasted
        figures["checkpoints_per_second"] = (c.status(name)["last_checkpoint"]["id"] - first) / lasted
        figures["peak_memory_mb"] = peak_memory(c.taskmanagers)
        say("interval " + interval, figures)
        exact(figures)
        c.cli("cancel", name)
    return figures


def bare_run(broker, interval, seconds=15, warmup=4):
    """The transaction protocol without an engine: the machine's share."""
    name = "bare-" + interval
    source, sink = broker.topic(name + "-in"), broker.topic(name + "-out")
    copier = broker.tool("bare", **{"in": source, "out": sink, "interval_ms": interval.replace("ms", "")})
    try:
        figures = broker.run("latency", **{"in": source, "out": sink, "seconds": seconds, "warmup": warmup})
    finally:
        copier.kill()
        _, errors = copier.communicate()
    if errors:
        raise cluster.Failure("weir_kafka_bare: " + errors[-2000:])
    say("bare " + interval, figures)
    exact(figures)
    return figures


def latency(broker, options):
    targets = {"100ms": (65, 118), "30ms": (28, 62), "20ms": (None, None)}
    latency_run(broker, "50ms", seconds=6)  # for the JVM
    runs, bare, rows = {}, {}, []
    for interval, (p50, p99) in targets.items():
        bare[interval] = bare_run(broker, interval)
        runs[interval] = latency_run(broker, interval)
        rows += [("visible at 5 000/s, interval %s: p50, ms" % interval, runs[interval]["p50_ms"], "<=", p50),
                 ("  p99, ms", runs[interval]["p99_ms"], "<=", p99),
                 ("  the bare protocol: p50, ms", bare[interval]["p50_ms"], None, None),
                 ("  the bare protocol: p99, ms", bare[interval]["p99_ms"], None, None),
                 ("  checkpoints/s", runs[interval]["checkpoints_per_second"], None, None),
                 ("  CPU of the TaskManager, cores", runs[interval]["taskmanager_cpu_share"], None, None)]
    return {"runs": runs, "bare": bare}, rows


# ---- kill -9 of a TaskManager that has tasks, spare slots elsewhere

def failover_run(broker, number):
    name = "failover-%d" % number
    with cluster.Cluster("bench-kafka-" + name, taskmanagers=2, slots=2) as c:
        source, sink = pass_job(broker, c, name, "100ms")
        probe = broker.tool("latency", **{"in": source, "out": sink, "seconds": 8, "warmup": 3})
        time.sleep(6)
        busy = {t["taskmanager"] for t in c.status(name)["tasks"]}
        next(p for p in c.taskmanagers if p.name in busy).kill()
        figures = result(probe)
        figures["peak_memory_mb"] = peak_memory(c.taskmanagers)
        figures["attempt"] = c.status(name)["attempt"]
        say("kill -9", figures)
        exact(figures)
        c.cli("cancel", name)
    return figures


def failover(broker, options):
    runs = [failover_run(broker, number) for number in range(options.repeats + 1)][1:]  # the first: for the JVM
    gaps = [r["longest_gap_ms"] for r in runs]
    return {"runs": runs}, [("kill -9 of a TaskManager: longest gap, ms (median)", statistics.median(gaps), "<=", 800),
                            ("  the worst of %d" % len(gaps), max(gaps), None, None)]


PARTS = {f.__name__: f for f in (throughput, latency, failover)}


def say(what, figures):
    print("  %-14s %s" % (what, ", ".join(
        "%s %s" % (k, round(v, 3) if isinstance(v, float) else v) for k, v in figures.items() if "digest" not in k)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error("unknown parts: %s; there are: %s" % (", ".join(sorted(unknown)), " ".join(PARTS)))
    os.makedirs(bench.FOLDER, exist_ok=True)
    rows, kept, broken = [], {"machine": bench.machine()}, []
    with Broker() as broker:
        for name in options.parts or PARTS:
            print("measuring %s ..." % name, flush=True)
            try:
                kept[name], figures = PARTS[name](broker, options)
                rows += figures
            except (cluster.Failure, subprocess.TimeoutExpired) as error:  # the other parts are measured all the same
                print("FAILED %s: %s" % (name, error), flush=True)
                broken.append(name)
    if MEMORY:
        rows.append(("peak memory of a TaskManager in all of it, MB", max(MEMORY), "<=", 400))
    report(rows, kept, broken)
    sys.exit(1 if broken else 0)


def report(rows, kept, broken):
    kept["figures"] = [{"name": n.strip(), "value": v, "target": t, "reached": t is None or bench.reached(v, s, t)}
                       for n, v, s, t in rows]
    with open(os.path.join(bench.FOLDER, "kafka.json"), "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
    print("\n%-58s %14s %14s" % ("figure", "measured", "target"))
    for name, value, sense, target in rows:
        if target is None:
            print("%-58s %14s" % (name, bench.number(value)))
        else:
            print("%-58s %14s %14s  %s" % (name, bench.number(value), sense + " " + bench.number(target),
                                           "reached" if bench.reached(value, sense, target) else "SHORT"))
    targets = [f for f in kept["figures"] if f["target"] is not None]
    print("\n%d of %d targets reached%s; %s" % (sum(f["reached"] for f in targets), len(targets),
                                              "; not measured: " + ", ".join(broken) if broken else "", bench.FOLDER))


if __name__ == "__main__":
    main()
