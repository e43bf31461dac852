#!/usr/bin/env python3
"""The broker gives up on transactions that were decided but not committed: everything is stopped between decision and
commit for longer than transaction_timeout. After the start the records are there exactly once and in order per key,
written again from the log or from the checkpoint; if the records are gone the job fails with DATA_LOSS by name, if
nobody can know any more what was committed with OUTCOME_UNKNOWN.

    timeout.py [NAME ...]     one_lost two_lost second_repairer crash_in_repair data_loss topic_made_again
    timeout.py --transaction-version N --version 3.9.1
"""
import environment  # pylint: disable=unused-import

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import time

import cluster
import job_files
from cluster import Cluster, Failure, wait_until
from kafka_broker import VERSION, Broker

OUTAGE_SECONDS = 20
RATE = 250
PADDING = 8000  # transactions above 64 KiB do not keep their records: they are found again in the log
TRANSACTIONS = {"transaction_timeout": "5s", "restart_budget": "1s"}
DECIDED = "after_metadata_record=stop@4"  # the JobManager: the record is durable, nobody was told
REPAIRED = re.compile(r"repaired the transaction of checkpoint (\d+) \(([0-9a-f]{32}/out/\d+/(\d+)/\d+)\)")


def stopped(process):
    try:
        with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


class Case:
    """A cluster whose job passes records from a fed topic to another, halted when a checkpoint is decided and none of
    its transactions is committed. halt() is called first; prove() no sooner than OUTAGE_SECONDS later."""

    taskmanagers = 2
    failpoints = DECIDED
    padding = PADDING
    options = {}  # of the sink

    def __init__(self, broker):
        self.broker = broker
        self.name = type(self).__name__
        self.stack = contextlib.ExitStack()
        self.cluster = self.topic = self.source = self.feeder = None
        self.job = "timeout-" + self.name.replace("_", "-")
        self.halted_at = None

    def halt(self):
        c = Cluster("kafka-timeout-" + self.name, taskmanagers=self.taskmanagers, slots=1, heartbeat_timeout="2s")
        self.cluster = c
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(c)
        stamp = "%s-%d" % (self.name.replace("_", "-"), time.monotonic_ns())
        self.topic = self.broker.create_topic("out-" + stamp, 2)
        self.source = self.broker.create_topic("in-" + stamp, 2)
        self.feeder = self.stack.enter_context(job_files.Feeder(self.broker.direct, self.source, RATE, self.padding))
        c.submit(c.write("job.yaml", job_files.passing(
            self.broker.address, self.topic, self.source, self.job, interval="400ms", timeout="1s", sink=dict(TRANSACTIONS, **self.options),
            schema=job_files.PADDED if self.padding else job_files.PLAIN)))
        c.wait_checkpoint(self.job, after=1)
        c.jobmanager.kill()
        c.jobmanager.start({"WEIR_FAILPOINTS": self.failpoints})
        wait_until(lambda: stopped(c.jobmanager) or not c.jobmanager.alive(), "the JobManager stops after a decision")
        if not c.jobmanager.alive():
            raise Failure("the JobManager ended\n" + cluster.tail(c.jobmanager.log))
        self.stop_taskmanagers()
        self.halted_at = time.monotonic()

    def stop_taskmanagers(self):
        for process in self.cluster.taskmanagers:
            process.kill()

    def wait(self):
        """Until the outage is over; by then the broker has aborted everything."""
        time.sleep(max(0.0, self.halted_at + OUTAGE_SECONDS - time.monotonic()))
        job_files.check_no_residue(self.broker, "before the start")

    def start(self):
        self.cluster.jobmanager.kill()
        self.cluster.jobmanager.start()
        for process in self.cluster.taskmanagers:
            if not process.alive():
                process.start()

    def repairs(self):
        """[(checkpoint, transactional id, former subtask)] of all TaskManagers' logs."""
        found = []
        for process in self.cluster.taskmanagers:
            with open(process.log, encoding="utf-8", errors="replace") as file:
                text = file.read()
            if "does not say how long it keeps offsets" in text:
                raise Failure("the broker was not asked rightly for its offsets.retention.minutes")
            found += REPAIRED.findall(text)
        return [(int(n), tid, int(subtask)) for n, tid, subtask in found]

    def end(self, checkpoints):
        """The verdict; `checkpoints`: of so many different ones each former subtask must have been repaired."""
        c = self.cluster
        before = c.wait_for(self.job, "is RUNNING", lambda s: s["state"] == "RUNNING")
        c.wait_checkpoint(self.job, after=(before["last_checkpoint"] or {"id": 0})["id"])
        count = self.feeder.stop()
        said = job_files.verify(self.broker.direct, self.topic, ids=count)
        repairs = self.repairs()
        of_subtask = {}
        for checkpoint, _, subtask in repairs:
            of_subtask.setdefault(subtask, set()).add(checkpoint)
        if max([len(s) for s in of_subtask.values()] + [0]) < checkpoints:
            raise Failure("repairs of %d checkpoints of a subtask were expected, the logs tell of %s" % (
                checkpoints, repairs))
        c.cli("stop", self.job)
        c.wait_state(self.job, "STOPPED")
        job_files.check_no_residue(self.broker, "after " + self.name)
        job_files.verify(self.broker.direct, self.topic, ids=count)
        print("%s: %s; repaired %d transactions" % (self.name, said.split(": ", 2)[2], len(repairs)), flush=True)

    def run(self):
        try:
            if self.halted_at is None:
                self.halt()
            self.wait()
            self.prove()  # pylint: disable=no-member
        except BaseException:
            self.close(*sys.exc_info())
            raise
        self.close(None, None, None)

    def close(self, *error):
        self.halted_at = None
        self.stack.__exit__(*error)


class one_lost(Case):
    """Small transactions: their records are in the checkpoint."""

    padding = 0

    def prove(self):
        self.start()
        self.end(1)


class two_lost(Case):
    """A checkpoint fails after its transactions were prepared and they go with the next one; and the TaskManagers are
    not dead: they come back when the repair is done."""

    failpoints = "before_manifest_rename=error@4," + DECIDED

    def stop_taskmanagers(self):
        for process in self.cluster.taskmanagers:
            process.signal(signal.SIGSTOP)

    def prove(self):
        c = self.cluster
        zombies = list(c.taskmanagers)
        for number in (3, 4):
            c.add_taskmanager("tm-%d" % number)
        self.start()
        before = c.wait_for(self.job, "is RUNNING", lambda s: s["state"] == "RUNNING")
        c.wait_checkpoint(self.job, after=(before["last_checkpoint"] or {"id": 0})["id"])
        for process in zombies:
            process.signal(signal.SIGCONT)
        self.end(2)


class second_repairer(Case):
    """A TaskManager is stopped in the middle of its repair; another one repairs; the first goes on. The records are in
    files of the checkpoint."""

    options = {"keep_records": "true"}

    def prove(self):
        c = self.cluster
        c.jobmanager.kill()
        c.jobmanager.start()
        first, second = c.taskmanagers
        first.start({"WEIR_FAILPOINTS": "in_repair_produce=stop@10"})
        second.start()
        wait_until(lambda: stopped(first), "a TaskManager stops in the middle of its repair")
        c.add_taskmanager("tm-3").start()
        before = c.wait_for(self.job, "is RUNNING", lambda s: s["state"] == "RUNNING")
        c.wait_checkpoint(self.job, after=(before["last_checkpoint"] or {"id": 0})["id"])
        first.signal(signal.SIGCONT)
        self.end(1)
        c.wait_taskmanagers(2)


class crash_in_repair(Case):
    """The recovery dies at each of its steps, one after the other."""

    steps = ("in_resolve_after_fence", "in_repair_after_init", "in_repair_produce", "in_repair_before_commit",
             "in_repair_after_commit")

    def prove(self):
        c = self.cluster
        c.jobmanager.kill()
        c.jobmanager.start()
        for step in self.steps:
            for process in c.taskmanagers:
                process.kill()
                process.start({"WEIR_FAILPOINTS": step + "=crash"})
            wait_until(lambda: any(not p.alive() for p in c.taskmanagers), "a crash at " + step)
            for process in c.taskmanagers:
                if process.popen.poll() not in (None, cluster.CRASH_EXIT_CODE):
                    raise Failure("%s: %s, not a crash at %s\n%s" % (
                        process.name, cluster.describe_exit(process.popen.poll()), step, cluster.tail(process.log)))
        self.start()
        self.end(0)  # the one that commits and dies does not tell


class Unsettled(Case):
    """The job ends FAILED by name, nothing is restarted for ever; --unresolved skip goes on."""

    names = ()  # what the failure must tell

    def harm(self):
        """What happens to the topic during the outage."""

    def prove(self):
        c = self.cluster
        self.harm()
        self.start()
        status = c.wait_for(self.job, "is FAILED", lambda s: s["state"] == "FAILED")
        failure = json.dumps(status.get("failure"))
        for part in self.names + (self.topic, "checkpoint", "/out/", "--unresolved skip"):
            if part not in failure:
                raise Failure("the failure does not name %r: %s" % (part, failure))
        job_files.check_no_residue(self.broker, "after " + self.name)
        path = c.ask("checkpoints", self.job)[-1]["path"]
        job = c.submit(os.path.join(c.folder, "job.yaml"), "--from", path, "--unresolved", "skip")
        before = c.wait_for(job, "is RUNNING", lambda s: s["state"] == "RUNNING")
        c.wait_checkpoint(job, after=(before["last_checkpoint"] or {"id": 0})["id"])
        c.cli("cancel", job)
        c.wait_state(job, "CANCELLED")
        job_files.check_no_residue(self.broker, "after --unresolved skip")
        print("%s: %s" % (self.name, status["failure"]["message"]), flush=True)


class data_loss(Unsettled):
    names = ("DATA_LOSS", "partition", "offsets")

    def harm(self):
        for partition in (0, 1):
            self.broker.delete_records(self.topic, partition, self.end_offset(partition))

    def end_offset(self, partition):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.broker.direct, "group.id": "timeout", "log_level": 0})
        try:
            return consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=30)[1]
        finally:
            consumer.close()


class topic_made_again(Unsettled):
    """With the topic the broker forgot the markers: nobody can know what was committed."""

    names = ("OUTCOME_UNKNOWN", "deleted and made again")

    def harm(self):
        self.broker.delete_topic(self.topic)
        self.broker.create_topic(self.topic, 2)


CASES = {c.__name__: c for c in (one_lost, two_lost, second_repairer, crash_in_repair, data_loss, topic_made_again)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--version", default=VERSION)
    parser.add_argument("--transaction-version", type=int)
    args = parser.parse_args()
    names = args.names or list(CASES)
    for name in names:
        if name not in CASES:
            sys.exit("no test %s; there are: %s" % (name, ", ".join(CASES)))
    # This broker is never killed: its lease may be long, so that a loaded machine does not end it.
    settings = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
                "broker.session.timeout.ms": 30_000}
    passed = []
    with Broker("timeout", version=args.version, transaction_version=args.transaction_version,
                settings=settings) as broker:
        cases = [CASES[name](broker) for name in names]
        try:
            # The outages of all cases at the same time.
            for case in cases:
                try:
                    case.halt()
                except Exception as error:  # pylint: disable=broad-except  # once more in run()
                    print("%s: %s" % (case.name, error), flush=True)
                    case.close(*sys.exc_info())
            for case in cases:
                passed.append(cluster.run_test("timeout." + case.name, case.run))
        finally:
            for case in cases:
                case.close(None, None, None)
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
