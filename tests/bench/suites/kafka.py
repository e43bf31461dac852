"""Fraud and copy from Kafka to Kafka, exactly once, beside the plain librdkafka drain of the same topic."""
import statistics

import figures
import job_run
import local_broker
import kafka_jobs
from figures import Figure, Result

HAS_PEERS = True
RECORDS = 10_000_000
JOBS = {"fraud": (kafka_jobs.FRAUD, "alerts", "alerts", "alert_digest"),
        "pass": (kafka_jobs.PASS, "values", "records", "digest")}


def job(broker, name, number, loaded, options):
    """One run of a job on fresh daemons; its output topic is read back and compared."""
    form, kind, count, digest = JOBS[name]
    output = broker.topic("%s-%d" % (name, number))
    text = kafka_jobs.text(form, name, broker.address, "transactions", output, options.interval or "1s", bounded=True,
                           parallelism=options.parallelism)
    got = job_run.run("kafka-" + name, text, deadline=300)
    figures.say(name, got)
    broker.verify(output, kind, loaded[count], loaded[digest])
    return got


def peer_job(broker, peer, name, number, loaded, options):
    _, kind, count, digest = JOBS[name]
    if number == 0:  # its first run compiles, and does not count
        broker.delete(peer.kafka(broker, name, "first", loaded["records"], options)[1])
    got, output = peer.kafka(broker, name, str(number), loaded["records"], options)
    figures.say("%s, %s" % (name, peer.__name__.split(".")[-1]), got)
    broker.verify(output, kind, loaded[count], loaded[digest])
    return got


def drain(broker):
    got = broker.run("drain", topic="transactions")
    figures.say("drain", got)
    return got


def bare(broker, number, loaded):
    output = broker.topic("bare-%d" % number)
    got = broker.run("bare", **{"in": "transactions", "out": output, "threads": 2, "interval_ms": 1000, "bounded": 1})
    figures.say("bare copy", got)
    broker.verify(output, "values", loaded["records"], loaded["digest"])
    return got


def runs_of(broker, options):
    loaded = broker.run("load", topic="transactions", partitions=2, records=options.events or RECORDS)
    figures.say("loaded", loaded)
    runs = {"drain": [], "fraud": [], "pass": [], "bare": []}
    broker.run("drain", topic="transactions")  # for the broker's JVM
    for number in range(options.repeats or 3):
        runs["drain"].append(drain(broker))
        for name in JOBS:
            runs[name].append(job(broker, name, number, loaded, options))
            for peer_name in options.peers:
                runs.setdefault("%s by %s" % (name, peer_name), []).append(
                    peer_job(broker, options.peers[peer_name], name, number, loaded, options))
        runs["bare"].append(bare(broker, number, loaded))
    return loaded, runs


def measure(options):
    with local_broker.Broker() as broker:
        loaded, runs = runs_of(broker, options)
    best = {name: job_run.medians(got) for name, got in runs.items()}
    ratio = statistics.median(f["seconds"] / d["seconds"] for f, d in zip(runs["fraud"], runs["drain"]))
    scale = loaded["records"] / 10_000_000
    found = [Figure("plain drain of the topic: wall, s", best["drain"]["seconds"]),
             Figure("  CPU, s", best["drain"]["cpu_seconds"]),
             Figure("fraud: wall, s", best["fraud"]["seconds"]),
             Figure("  wall against the drain", ratio, "<=", 2.0)] + of_job(best, "fraud", 6.0 * scale, options)
    found += [Figure("pass: wall, s", best["pass"]["seconds"], "<=", 6.0 * scale),
              Figure("  wall against the drain", best["pass"]["seconds"] / best["drain"]["seconds"])]
    found += of_job(best, "pass", 9.0 * scale, options)
    found += [Figure("bare copy, librdkafka alone: wall, s", best["bare"]["seconds"]),
              Figure("  CPU, s", best["bare"]["cpu_seconds"]),
              Figure("peak memory of a TaskManager, MB", max(r["peak_memory_mb"] for n in JOBS for r in runs[n]), "<=", 400)]
    return Result(found, details={"load": loaded, "runs": runs},
                  setting={"records": loaded["records"], "partitions": 2, "checkpoint": options.interval or "1s"})


def of_job(best, name, cpu_target, options):
    found = [Figure("  CPU of all daemons, s", best[name]["cpu_seconds"], "<=", cpu_target),
             Figure("  CPU seconds per million records", best[name]["cpu_per_million"]),
             Figure("  CPU against the drain", best[name]["cpu_seconds"] / best["drain"]["cpu_seconds"])]
    for peer in options.peers:
        found += options.ratios(peer, best[name], best["%s by %s" % (name, peer)], 4.0)
    return found
