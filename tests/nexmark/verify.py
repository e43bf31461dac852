#!/usr/bin/env python3
"""The queries of tests/bench/nexmark on a cluster, each result compared with what DuckDB computes from the same events.

  verify.py [QUERY...]              all queries one after another
  verify.py --kills 10 [QUERY...]   all at the same time, while random processes are killed with kill -9

Which processes are killed when depends on --seed. One line PASS or FAIL a query."""
import environment  # pylint: disable=unused-import  # first: it runs this script under its own Python
import argparse
import os
import random
import re
import shutil
import sys
import time

import cluster
import events
import job_files
import reference
import side_input

QUERIES = ("q0", "q1", "q2", "q5", "q7", "q8", "q11", "q12", "q13", "q14", "q18", "q19", "q21", "q22")
SECONDS_PER_KILL = 2.0
GENERATORS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="*", metavar="QUERY", help="default: " + " ".join(QUERIES))
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--event-rate", type=int, default=4_000, help="per second of event time")
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--interval", default="200ms", help="between checkpoints")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.queries = args.queries or list(QUERIES)
    for query in args.queries:
        if not os.path.exists(job_files.path(query)):
            sys.exit("no query %s" % query)
    verifier = Verifier(args)
    name = "nexmark.kill_9" if args.kills else "nexmark.cluster"
    ran = cluster.run_test(name, verifier.run_together if args.kills else verifier.run_in_turn)
    sys.exit(0 if ran and not verifier.failed else 1)


def another_row(lines):
    return lines[:-1] + [re.sub(rb"\d", b"7", lines[-1])]


class Verifier:
    def __init__(self, args):
        self.args = args
        self.failed = 0
        self.reference = None
        self.folder = os.path.join(cluster.WORK, "nexmark-kills" if args.kills else "nexmark")
        self.scratch = self.path("scratch")
        self.side_input = self.path("side_input.csv")
        os.environ.update(NEXMARK_EVENTS=str(args.events), NEXMARK_EVENT_RATE="%d/s" % args.event_rate,
                          NEXMARK_PARALLELISM=str(args.parallelism), NEXMARK_GENERATORS=str(GENERATORS),
                          NEXMARK_CHECKPOINT=args.interval, NEXMARK_SIDE_INPUT=self.side_input)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def export(self):
        """The three streams into files, by the same source at another parallelism."""
        shutil.rmtree(self.folder, ignore_errors=True)  # also of a first attempt that was too slow
        os.makedirs(self.scratch)
        side_input.write(self.side_input)
        events.write(self.path("events"), self.args.events, self.args.event_rate, GENERATORS)
        self.reference = reference.Reference(self.path("events"), self.side_input, self.scratch)

    def job(self, query, rate=None):
        """The query's job file with a file sink; with a rate, it takes a while."""
        text = job_files.into_files(job_files.text(query), self.results(query))
        if rate is not None:
            # Of each stream its own share, so that all of them end together.
            for stream, share in (("person", 0.02), ("auction", 0.06), ("bid", 0.92)):
                text = text.replace("    stream: %s\n" % stream,
                                    "    stream: %s\n    rate: %d/s\n" % (stream, max(1, int(rate * share))))
        text += "restart: {strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: 100000}\n"
        path = self.path(query + ".yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def results(self, query):
        return self.path("results", query)

    def check(self, query, note=""):
        """Compares, and says PASS or FAIL."""
        began = time.monotonic()
        try:
            rows = self.reference.check(query, self.results(query))
            print("PASS nexmark.%s %.1fs: %d rows%s" % (query, time.monotonic() - began, rows, note), flush=True)
        except cluster.Failure as error:
            self.failed += 1
            print("FAIL nexmark.%s: %s\n---- kept: %s" % (query, error, self.results(query)), flush=True)

    def done(self):
        if not self.failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run_in_turn(self):
        self.export()
        with cluster.Cluster("nexmark-cluster", taskmanagers=2, slots=self.args.parallelism) as c:
            for query in self.args.queries:
                c.submit(self.job(query))
                c.wait_state("nexmark-" + query, "FINISHED", deadline=5 * cluster.DEADLINE)
                self.check(query)
            # A row of an updating result may be gone unnoticed: a later one stands for it.
            for query in [q for q in self.args.queries if not reference.key_of(q)][-1:]:
                self.doubt(query)
            for query in [q for q in self.args.queries if reference.key_of(q)]:
                self.doubt_any_of_equals(query)
        self.done()

    def doubt(self, query):
        """The comparison itself: it must notice a row that is missing, one too many, and one that is another."""
        self.spoil(query, reference.committed_files(self.results(query))[0],
                   {"a missing row": lambda lines: lines[:-1], "a row too many": lambda lines: lines + lines[-1:],
                    "another row": another_row})

    def doubt_any_of_equals(self, query):
        """The wider comparison takes what the strict one takes, and notices another row: a subtask's last one stands."""
        self.reference.check(query, self.results(query), any_of_equals=True)
        self.spoil(query, reference.committed_files(self.results(query))[-1], {"another row": another_row}, any_of_equals=True)

    def spoil(self, query, file, ways, **options):
        with open(file, "rb") as stream:
            right = stream.read()
        try:
            for what, spoilt in ways.items():
                with open(file, "wb") as stream:
                    stream.writelines(spoilt(right.splitlines(keepends=True)))
                try:
                    self.reference.check(query, self.results(query), **options)
                except cluster.Failure:
                    continue
                raise cluster.Failure("%s: %s was not noticed" % (query, what))
        finally:
            with open(file, "wb") as stream:
                stream.write(right)

    def run_together(self):
        self.export()
        args = self.args
        rng = random.Random(args.seed)
        lasts_seconds = max(10.0, args.kills * SECONDS_PER_KILL)
        slots = len(args.queries) * args.parallelism
        with cluster.Cluster("nexmark-kill-9", taskmanagers=3, slots=slots) as c:
            for query in args.queries:
                c.submit(self.job(query, rate=args.events / lasts_seconds))
            for query in args.queries:
                c.wait_checkpoint("nexmark-" + query)
            for _ in range(args.kills):
                time.sleep(rng.uniform(0.5, 1.5) * SECONDS_PER_KILL / 2)
                victim = rng.choice(c.processes())
                if not victim.alive():
                    raise cluster.Failure("%s died by itself\n%s" % (victim.name, cluster.tail(victim.log, 60)))
                victim.kill()
                time.sleep(rng.uniform(0.05, 0.5))
                victim.start()
            for query in args.queries:
                job = "nexmark-" + query
                status = c.wait_state(job, "FINISHED", deadline=10 * cluster.DEADLINE)
                self.check(query, ", %d restarts" % status["restarts"])
        self.done()


if __name__ == "__main__":
    main()
