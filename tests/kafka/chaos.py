#!/usr/bin/env python3
"""One JobManager, three TaskManagers and a broker; the fraud job and a copying job read one topic that a loader never
stops filling. About every second a random process is killed with kill -9 and started again, or stopped and continued,
sometimes for longer than its lease; the broker too, more seldom. In the end the loader closes the windows and ends; what
readers see of both outputs is compared, as multisets, with what Python makes of the input topic."""
import environment  # pylint: disable=unused-import

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import time

import cluster
import fraud
from kafka_broker import Broker

sys.path.insert(1, os.path.join(cluster.ROOT, "tests", "bench"))
import kafka_jobs  # noqa: E402

RESTART = "strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: 1000000"
JOBS = {"fraud": kafka_jobs.FRAUD, "pass": kafka_jobs.PASS}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=2000, help="records a second")
    parser.add_argument("--settle", type=float, default=180, help="seconds in which everything must be visible at the end")
    args = parser.parse_args()
    sys.argv[1:] = []
    sys.exit(0 if cluster.run_test("kafka.chaos", lambda: Chaos(args).run()) else 1)


class Chaos:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.done = collections.Counter()  # (what, which process) -> how often
        self.sleepers = []  # (when to continue, process)

    def run(self):
        with Broker("chaos") as self.broker, cluster.Cluster("kafka-chaos", taskmanagers=3, slots=3) as self.cluster:
            self.broker.create_topic("input", 2)
            for name, form in JOBS.items():
                self.broker.create_topic(name, 2)
                self.cluster.submit(self.cluster.write(name + ".yaml", kafka_jobs.text(
                    form, name, self.broker.address, "input", name, "500ms", checkpoint="timeout: 20s", restart=RESTART)))
            with fraud.Loader(self.broker.address, "input", self.cluster.path("loader.log"), self.args.rate,
                              self.args.seed) as loader:
                for name in JOBS:
                    self.cluster.wait_checkpoint(name)
                self.disturb(loader)
                loaded = loader.stop()
            self.judge(loaded)

    # ---- what happens to the processes

    def disturb(self, loader):
        end = time.monotonic() + 60 * self.args.minutes
        while time.monotonic() < end:
            self.wait(self.rng.uniform(0.3, 1.5))
            for process in self.cluster.processes() + [self.broker.process]:
                if not process.alive():
                    raise cluster.Failure("%s died by itself: %s\n%s" % (
                        process.name, cluster.describe_exit(process.popen.returncode), cluster.tail(process.log, 60)))
            if not loader.alive():
                raise cluster.Failure("the loader ended\n" + cluster.tail(self.cluster.path("loader.log")))
            self.one()
        while self.sleepers:
            self.wait(0.1)

    def one(self):
        asleep = [process for _, process in self.sleepers]
        kind = self.rng.choices(("kill", "stop", "kill broker", "stop broker"), (55, 33, 5, 7))[0]
        if kind.endswith("broker"):
            victim = self.broker.process
        else:
            victim = self.rng.choice(self.cluster.processes())
        if victim in asleep:
            return
        self.done[kind.split()[0], victim.name] += 1
        if kind.startswith("stop"):
            victim.signal(signal.SIGSTOP)
            # Sometimes longer than the lease of a TaskManager (3 s).
            self.sleepers.append((time.monotonic() + self.rng.choice((0.3, 1.0, 2.0, 5.0)), victim))
            return
        victim.kill()
        self.wait(self.rng.uniform(0.05, 0.5))
        if victim is self.broker.process:
            self.broker.start()
        else:
            victim.start()

    def wait(self, seconds):
        """The only place where time itself is the thing tested; continues who was stopped long enough."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            for sleeper in [s for s in self.sleepers if s[0] <= now]:
                sleeper[1].signal(signal.SIGCONT)
                self.sleepers.remove(sleeper)
            if now >= end:
                return
            time.sleep(min(0.05, end - now))

    # ---- what readers see

    def judge(self, loaded):
        print("chaos: seed %d, %.1f minutes; %d records and %d closers loaded" % (
            self.args.seed, self.args.minutes, loaded["records"], loaded["closers"]))
        for what in ("kill", "stop"):
            print("chaos: %s: %s" % (what, ", ".join("%s %d" % (name, count) for (kind, name), count
                                                    in sorted(self.done.items()) if kind == what)))
        lines = fraud.read_all(self.broker.address, "input")
        if len(lines) != loaded["records"] + loaded["closers"]:
            raise cluster.Failure("the input topic has %d records" % len(lines))
        verdicts = [self.verify("pass", lines), self.verify("fraud", fraud.expected_alerts(lines))]
        for name in JOBS:
            status = self.cluster.wait_state(name, "RUNNING")
            print("chaos: %s: attempt %d, last checkpoint %s" % (name, status["attempt"],
                                                              (status["last_checkpoint"] or {}).get("id")))
        if any(verdicts):
            raise cluster.Failure("not exactly once: see the lines of the verifier")

    def verify(self, topic, rows):
        """By a process of its own, which prints the counts. 0 if all is well."""
        path = fraud.write_lines(self.cluster.path(topic + ".expected"), rows)
        verifier = [sys.executable, os.path.join(environment.HERE, "verifier.py"), "--brokers", self.broker.address,
                    "--topic", topic, "--expected", path, "--wait", str(self.args.settle)]
        return subprocess.run(verifier, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    main()
