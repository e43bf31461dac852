#!/usr/bin/env python3
"""One JobManager, three TaskManagers and a broker; the fraud job and a copying job read one topic that a loader never
stops filling. About every second a random process is killed with kill -9 and started again, or stopped and continued,
sometimes for longer than its lease; the broker too, more seldom. In the end the loader closes the windows and ends; what
readers see of both outputs is compared, as multisets, with what Python makes of the input topic."""
import environment  # pylint: disable=unused-import

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time

import cluster
from kafka_broker import Broker

sys.path.insert(1, os.path.join(cluster.ROOT, "tests", "bench"))
import kafka_jobs  # noqa: E402

LOADER = os.path.join(os.path.dirname(cluster.BINARY), "tests", "bench", "weir_kafka_load")
RESTART = "strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: 1000000"
MINUTE_MILLIS = 60_000
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
            loader = self.start_loader()
            try:
                for name in JOBS:
                    self.cluster.wait_checkpoint(name)
                self.disturb(loader)
                loaded = self.end_loader(loader)
            finally:
                loader.kill()
                loader.wait()
            self.judge(loaded)

    def start_loader(self):
        command = [LOADER, "--brokers", self.broker.address, "--topic", "input", "--partitions", "2", "--rate",
                   str(self.args.rate), "--users", "1000", "--per-second", "200", "--closers", "3", "--seed",
                   str(self.args.seed)]
        with open(self.cluster.path("loader.log"), "wb") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def end_loader(self, loader):
        loader.send_signal(signal.SIGTERM)
        out, _ = loader.communicate(timeout=120)
        if loader.returncode != 0:
            raise cluster.Failure("the loader: %s\n%s" % (cluster.describe_exit(loader.returncode),
                                                          cluster.tail(self.cluster.path("loader.log"))))
        return json.loads(out)

    # ---- what happens to the processes

    def disturb(self, loader):
        end = time.monotonic() + 60 * self.args.minutes
        while time.monotonic() < end:
            self.wait(self.rng.uniform(0.3, 1.5))
            for process in self.cluster.processes() + [self.broker.process]:
                if not process.alive():
                    raise cluster.Failure("%s died by itself: %s\n%s" % (
                        process.name, cluster.describe_exit(process.popen.returncode), cluster.tail(process.log, 60)))
            if loader.poll() is not None:
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
        lines = self.input_lines()
        if len(lines) != loaded["records"] + loaded["closers"]:
            raise cluster.Failure("the input topic has %d records" % len(lines))
        verdicts = [self.verify("pass", lines), self.verify("fraud", expected_alerts(lines))]
        for name in JOBS:
            status = self.cluster.wait_state(name, "RUNNING")
            print("chaos: %s: attempt %d, last checkpoint %s" % (name, status["attempt"],
                                                              (status["last_checkpoint"] or {}).get("id")))
        if any(verdicts):
            raise cluster.Failure("not exactly once: see the lines of the verifier")

    def input_lines(self):
        from confluent_kafka import Consumer, KafkaError, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": "chaos", "enable.auto.commit": False,
                             "isolation.level": "read_committed", "enable.partition.eof": True, "log_level": 0})
        partitions = sorted(consumer.list_topics("input", timeout=30).topics["input"].partitions)
        consumer.assign([TopicPartition("input", p, 0) for p in partitions])
        lines, ends = [], set()
        while len(ends) < len(partitions):
            for message in consumer.consume(10_000, 1.0):
                if message.error() is None:
                    lines.append(message.value())
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    ends.add(message.partition())
        consumer.close()
        return lines

    def verify(self, topic, rows):
        """By a process of its own, which prints the counts. 0 if all is well."""
        path = self.cluster.path(topic + ".expected")
        with open(path, "wb") as file:
            file.write(b"".join(row + b"\n" for row in rows))
        verifier = [sys.executable, os.path.join(environment.HERE, "verifier.py"), "--brokers", self.broker.address,
                    "--topic", topic, "--expected", path, "--wait", str(self.args.settle)]
        return subprocess.run(verifier, stdin=subprocess.DEVNULL, check=False).returncode


def expected_alerts(lines):
    """More than 10 rows of a user in a minute. The closers' minutes have too few, so all windows that count are closed."""
    counts = collections.Counter()
    for line in lines:
        row = json.loads(line)
        counts[row["user"], row["ts"] // MINUTE_MILLIS] += 1
    return [json.dumps({"user": user, "window_start": minute * MINUTE_MILLIS, "tx_count": count}).encode()
            for (user, minute), count in counts.items() if count > 10]


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    main()
