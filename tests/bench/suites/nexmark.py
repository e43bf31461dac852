"""The Nexmark queries: made events into a discarding sink; with --peer, exported events in both engines in turns."""
import os

import figures
import job_run
import machine
import cluster
import nexmark_check
import nexmark_input
from figures import Figure, Result, Table

HAS_PEERS = True
EVENTS = 10_000_000
PEER_EVENTS = 1_000_000
EVENT_RATE = 100_000
# Rows per second and core that is fully used.
TARGETS = {"q0": 2e6, "q1": 2e6, "q2": 2e6, "q5": 1e6, "q7": 1e6, "q8": 1.2e6, "q11": 4e5, "q12": 1.5e6, "q13": 1e6,
           "q14": 1e6, "q18": 3e5, "q19": 2.5e5, "q21": 8e5, "q22": 1e6}
# How many times more CPU a peer is expected to need.
RATIOS = {"flink": {"q0": 5, "q1": 5, "q2": 5, "q14": 5, "q21": 5, "q22": 5, "q5": 8, "q7": 8, "q8": 8, "q11": 8, "q12": 8}}


def measure(options):
    rate = int(str(options.event_rate or EVENT_RATE).replace("/s", ""))
    interval = options.interval or "10s"
    events = options.events or (PEER_EVENTS if options.peers else EVENTS)
    os.environ.update(nexmark_input.environment(events, rate, options.parallelism, interval))
    result = Result(setting={"events": events, "events per second of event time": rate,
                             "parallelism": options.parallelism, "checkpoint": interval, "state": "RocksDB"})
    chosen = options.parts(nexmark_input.queries())
    if options.peers:
        nexmark_check.check(options, chosen, result)
        os.environ.update(nexmark_input.environment(events, rate, options.parallelism, interval))
        beside_peers(options, chosen, events, rate, interval, result)
    else:
        alone(options, chosen, result)
    return result


def one(query, files=None):
    got = job_run.run("nexmark-" + query, nexmark_input.job(query, files), deadline=600, settings=["memory=1GiB"])
    figures.say(query, got)
    return got


def attempt(query, result, run):
    """The runs of a query; one that fails does not keep the others from being measured."""
    try:
        return run()
    except cluster.Failure as error:
        print("FAILED %s: %s" % (query, error), flush=True)
        result.broken.append("%s: %s" % (query, str(error).splitlines()[0]))
        return None


def alone(options, chosen, result):
    rows = []
    for query in chosen:
        runs = attempt(query, result, lambda q=query: [one(q) for _ in range(options.repeats or 2)])
        if not runs:
            continue
        best = job_run.medians(runs)
        result.details[query] = runs
        per_core, target = best["rows_per_core_second"], TARGETS.get(query)
        result.figures.append(Figure(query + ": rows/s per core used", per_core, ">=" if target else None, target))
        rows.append([query, best["rows_per_second"], best["cores_used"], best["cpu_per_million"], per_core, target,
                     best["peak_memory_mb"]])
    result.tables.append(Table("Made events, discarding sink", [
        "query", "rows/s", "cores used", "CPU s per M rows", "rows/s per core", "target", "TaskManager MB"], rows))


def beside_peers(options, chosen, events, rate, interval, result):
    """Each engine reads the same rows; a peer's first run of a query, which compiles, does not count."""
    export = nexmark_input.Export(events, rate)
    for name, peer in options.peers.items():
        rows = []
        for query in chosen:
            if not peer.is_timed(query):
                continue
            streams = nexmark_input.streams(query)
            read = sum(export.rows[s] for s in streams)
            for stream in streams:
                machine.warm(export.file(stream))

            def both(query=query, read=read, streams=streams):
                ours, theirs = [], []
                theirs_once = lambda: peer.nexmark(query, export, read, options.parallelism, interval)  # noqa: E731
                theirs_once()
                for _ in range(options.repeats or 1):
                    ours.append(one(query, {s: export.file(s) for s in streams}))
                    theirs.append(theirs_once())
                    figures.say("%s, %s" % (query, name), theirs[-1])
                    if ours[-1]["rows"] != read:
                        raise cluster.Failure("%d rows read, %d are in the files" % (ours[-1]["rows"], read))
                return ours, theirs
            runs = attempt(query, result, both)
            if not runs:
                continue
            result.details["%s beside %s" % (query, name)] = {"weir": runs[0], name: runs[1]}
            us, them = job_run.medians(runs[0]), job_run.medians(runs[1])
            ratio, target = them["cpu_per_million"] / us["cpu_per_million"], RATIOS.get(name, {}).get(query)
            memory = us["peak_memory_mb"] / them["peak_memory_mb"]
            result.figures += [Figure("%s: CPU of %s / Weir" % (query, name), ratio, ">=" if target else None, target),
                               Figure("  memory of Weir / %s" % name, memory, "<=", 0.25)]
            rows.append([query, us["cpu_per_million"], them["cpu_per_million"], ratio, target,
                         us["rows_per_second"], them["rows_per_second"], us["peak_memory_mb"], them["peak_memory_mb"]])
        result.tables.append(Table("Exported events (JSON files), discarding sink, beside %s" % name, [
            "query", "Weir CPU s per M rows", name + " CPU s per M rows", "ratio", "target", "Weir rows/s", name + " rows/s",
            "Weir MB", name + " MB"], rows))
