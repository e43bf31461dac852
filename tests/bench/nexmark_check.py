"""Before engines are timed beside each other: each gives the results that DuckDB computes of the same events (tests/nexmark),
so they do the same work. A run apart from the timed ones, whose results are discarded."""
import json
import os
import shutil
import sys

import cluster
import figures
import machine
import nexmark_input

# 50 s of event time: windows begin and end.
EVENTS = 200_000
EVENT_RATE = 4_000
COMPARE = os.path.join(machine.ROOT, "tests", "nexmark", "compare.py")


def check(options, queries, result):
    """Adds to `result.broken` what is wrong, and to its details how many rows agree."""
    export = nexmark_input.Export(EVENTS, EVENT_RATE)
    folder = os.path.join(figures.FOLDER, "nexmark-results")
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.update(nexmark_input.environment(EVENTS, EVENT_RATE, options.parallelism, "10s"))
    failures = {}
    with cluster.Cluster("bench-nexmark-check", taskmanagers=1, slots=options.parallelism) as c:
        for query in queries:
            attempt(failures, query, "weir", lambda q=query: ours(c, q, export, os.path.join(folder, "weir", q)))
    for name, peer in options.peers.items():
        for query in filter(peer.has_query, queries):
            attempt(failures, query, name, lambda q=query, p=peer, n=name: p.nexmark_results(
                q, export, options.parallelism, os.path.join(folder, n, q)))
    verdicts = compare(folder, ["weir"] + list(options.peers))
    for query in queries:
        for engine in ["weir"] + list(options.peers):
            verdict = verdicts.get(query, {}).get(engine, {})
            wrong = failures.get((query, engine)) or verdict.get("differs")
            if wrong:
                print("FAILED results of %s by %s: %s" % (query, engine, wrong), flush=True)
                result.broken.append("results of %s by %s: %s" % (query, engine, " ".join(wrong.splitlines())[:300]))
    agreed = {q: {e: v["rows"] for e, v in of.items() if "rows" in v} for q, of in verdicts.items()}
    result.details["rows that agree with DuckDB"] = agreed
    figures.say("results as DuckDB's", {q: " = ".join("%s %d" % item for item in of.items()) for q, of in agreed.items()})
    if not result.broken:
        result.setting["results"] = "of all engines equal to DuckDB's, with %s events" % figures.number(EVENTS)
        shutil.rmtree(folder)


def attempt(failures, query, engine, run):
    try:
        run()
    except cluster.Failure as error:
        failures[query, engine] = str(error)


def ours(c, query, export, folder):
    text = nexmark_input.job(query, {s: export.file(s) for s in nexmark_input.streams(query)})
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    c.submit(c.write(query + ".yaml", nexmark_input.job_files.into_files(text, folder)))
    c.wait_state("nexmark-" + query, "FINISHED", deadline=300)


def compare(folder, engines):
    done = cluster.run([sys.executable, COMPARE, folder, "--events", str(EVENTS), "--event-rate", str(EVENT_RATE)] + engines,
                       deadline=600)
    return json.loads(done.stdout.splitlines()[-1])
