#!/usr/bin/env python3
"""Measures a release build, checks what came out, prints figures against their targets, keeps JSON and Markdown in build/bench/.

Each suite's parts, and what the figures mean: tests/bench/README.md."""
import argparse
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine  # noqa: E402  first: it finds the executable and tests/cluster
import cluster  # noqa: E402
import figures  # noqa: E402
import suites  # noqa: E402

PEERS = ("flink",)


class Options:
    """What the command line says, and what suites need of it."""

    def __init__(self, arguments):
        self.events = arguments.events
        self.repeats = arguments.repeats
        self.parallelism = arguments.parallelism
        self.only = arguments.only.split(",") if arguments.only else None
        self.interval = arguments.interval
        self.event_rate = arguments.event_rate
        self.peers = {name: importlib.import_module("peer." + name) for name in arguments.peer}

    def parts(self, known):
        """The names of the parts to measure, in order; an unknown one ends the program."""
        unknown = set(self.only or ()) - set(known)
        if unknown:
            sys.exit("unknown parts: %s; there are: %s" % (", ".join(sorted(unknown)), " ".join(known)))
        return [name for name in known if self.only is None or name in self.only]

    def ratios(self, name, ours, theirs, target=None):
        """The figures of a peer's run of the same work, and how many times more it needed."""
        cpu = theirs["cpu_per_million"] / ours["cpu_per_million"]
        return [figures.Figure("  %s: rows/s" % name, theirs["rows_per_second"]),
                figures.Figure("  %s: CPU seconds per million rows" % name, theirs["cpu_per_million"]),
                figures.Figure("  %s: peak memory of the TaskManager, MB" % name, theirs["peak_memory_mb"]),
                figures.Figure("  %s / Weir: CPU" % name, cpu, ">=" if target else None, target),
                figures.Figure("  %s / Weir: wall" % name,
                               theirs["seconds"] / theirs["rows"] / (ours["seconds"] / ours["rows"])),
                figures.Figure("  %s / Weir: memory" % name, theirs["peak_memory_mb"] / ours["peak_memory_mb"], ">=", 4.0)]


def suite_names():
    return sorted(m.name for m in pkgutil.iter_modules(suites.__path__) if not m.name.startswith("_"))


def summary(name):
    return (importlib.import_module("suites." + name).__doc__ or "").strip().splitlines()[0]


def has_peers(name):
    return getattr(importlib.import_module("suites." + name), "HAS_PEERS", False)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=__doc__, epilog="suites (* also with --peer):\n" + "\n".join(
                                         "  %-11s %s" % (n + "*" * has_peers(n), summary(n)) for n in suite_names()))
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="default: daemons fraud")
    parser.add_argument("--peer", action="append", default=[], choices=PEERS, help="the same work in another engine, in turns")
    parser.add_argument("--events", type=int, help="rows of a suite's input, instead of its own default")
    parser.add_argument("--repeats", type=int, help="runs of each measurement, of which the median counts")
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--interval", help="of checkpoints, instead of the suite's own")
    parser.add_argument("--event-rate", help="Nexmark: events per second of event time (100000)")
    parser.add_argument("--only", metavar="PART,...", help="only these parts (queries) of the suites")
    parser.add_argument("--smoke", action="store_true", help="a few rows, once: only whether results are right (PASS, FAIL)")
    chosen = parser.parse_args()
    if chosen.smoke:
        chosen.events, chosen.repeats, chosen.only = chosen.events or 20_000, 1, chosen.only or "throughput"
    chosen.suites = chosen.suites or ["daemons", "fraud"]
    unknown = set(chosen.suites) - set(suite_names())
    if unknown:
        parser.error("unknown suites: %s; there are: %s" % (", ".join(sorted(unknown)), " ".join(suite_names())))
    return chosen


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # so that brokers and peers are ended, too
    chosen = arguments()
    options = Options(chosen)
    shown, broken = [], []
    try:
        for name in chosen.suites:
            suite = importlib.import_module("suites." + name)
            peers = options.peers if has_peers(name) else {}
            print("== %s%s" % (name, " (it has no peer)" if options.peers and not peers else ""), flush=True)
            try:
                result = suite.measure(options)
            except (cluster.Failure, subprocess.SubprocessError, OSError) as error:  # the others are measured all the same
                traceback.print_exc()
                broken.append("%s: %s" % (name, str(error).splitlines()[0] if str(error) else type(error).__name__))
                if chosen.smoke:
                    print("FAIL bench.%s" % name, flush=True)
                continue
            if chosen.smoke:
                print("%s bench.%s" % ("FAIL" if result.broken else "PASS", name), flush=True)
                broken += result.broken
                continue
            figures.keep("-".join([name] + list(peers)), result, peers.values())
            for table in result.tables:
                print("\n%s\n%s" % (table.title, table.markdown()))
            shown += result.figures
            broken += ["%s: %s" % (name, b) for b in result.broken]
    finally:
        for peer in options.peers.values():
            peer.stop()
    if not chosen.smoke:
        figures.show(shown)
    for reason in broken:
        print("FAILED " + reason)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
