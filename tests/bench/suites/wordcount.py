"""Count of words (100 000 of them, Zipf 1.1) per word and 10 seconds of event time; words from a file of JSON lines."""
import bisect
import itertools
import os
import random

import figures
import job_run
import machine
import results
from figures import Figure, Result

HAS_PEERS = True
WORDS = 2_000_000
VOCABULARY = 100_000
PER_SECOND = 50_000  # of event time
JOB = """version: 1
name: wordcount
parallelism: %(parallelism)d
checkpoint: {interval: %(interval)s}
sources:
  words:
    type: file
    path: %(path)s
    format: {type: json, on_error: fail}
    schema: {word: string not null, ts: timestamp not null}
    event_time: {field: ts, max_delay: 1s}
operators:
  counts: {type: window_aggregate, input: words, key_by: [word], window: {tumbling: 10s}, aggregate: {n: count(*)}}
sinks:
  counted: {type: file, input: counts, path: %(out)s, format: {type: json}}
"""


def sample(words):
    """The file of words, and how often each of them comes in each window."""
    path = os.path.join(figures.FOLDER, "words-%d.jsonl" % words)
    os.makedirs(figures.FOLDER, exist_ok=True)
    total, bounds = 0.0, []
    for rank in range(1, VOCABULARY + 1):
        total += rank ** -1.1
        bounds.append(total)
    drawn = random.Random(1)
    expected = {}
    with open(path + ".new", "w", encoding="ascii") as file:
        for first in range(0, words, PER_SECOND):
            ts = first // PER_SECOND * 1000
            ranks = [bisect.bisect(bounds, drawn.random() * total) for _ in range(min(PER_SECOND, words - first))]
            file.writelines('{"word":"word%d","ts":%d}\n' % (rank, ts) for rank in ranks)
            for rank in ranks:
                key = ("word%d" % rank, ts // 10_000 * 10_000)
                expected[key] = expected.get(key, 0) + 1
    os.rename(path + ".new", path)
    return path, expected


def measure(options):
    words = options.events or WORDS
    interval = options.interval or "1s"
    path, expected = sample(words)
    machine.warm(path)

    def check(c, _):
        found = {(r["word"], r["window_start"]): r["n"] for r in results.committed_rows(c.path("counts"))}
        if found != expected:
            raise results.Failure("%d counts expected, %d found, %d as expected" % (
                len(expected), len(found), len(set(found.items()) & set(expected.items()))))

    def ours():
        got = job_run.run("wordcount", lambda c: JOB % {"parallelism": options.parallelism, "interval": interval,
                                                        "path": path, "out": c.path("counts")}, check=check)
        figures.say("wordcount", got)
        return got
    runs, others = [], {name: [] for name in options.peers}
    for number in range(options.repeats or 3):
        runs.append(ours())
        for name, peer in options.peers.items():
            for _ in itertools.repeat(None, 2 if number == 0 else 1):  # the first run compiles, and does not count
                got = peer.wordcount(path, words, expected, options)
            figures.say("wordcount, " + name, got)
            others[name].append(got)
    best = job_run.medians(runs)
    found = [Figure("wordcount, %.3g M words: words/s per core used" % (words / 1e6), best["rows_per_core_second"]),
             Figure("  words/s", best["rows_per_second"]), Figure("  CPU seconds per million words", best["cpu_per_million"]),
             Figure("  peak memory of the TaskManager, MB", best["peak_memory_mb"])]
    for name, got in others.items():
        found += options.ratios(name, best, job_run.medians(got))
    return Result(found, details={"runs": runs, "peers": others},
                  setting={"words": words, "vocabulary": VOCABULARY, "parallelism": options.parallelism,
                           "checkpoint": interval})
