#!/usr/bin/env python3
"""Every step of an exactly-once Kafka job, with a crash in it: kill -9 at each failpoint of common/base/failpoint.h that
such a job passes, the broker killed or its answers lost in between, a TaskManager stopped past its lease, one checkpoint
restored twice. After each the verifier, in a process of its own, must find every record exactly once and in order per
key, and no transaction may be left open.

    crash_matrix.py                       a short selection
    crash_matrix.py --full                every failpoint five times, on transaction.version 2 and on 0
    crash_matrix.py --names a,b           these failpoints or cases
    crash_matrix.py --transaction-version N --version 3.9.1 --hits N
"""
import environment  # pylint: disable=unused-import

import argparse
import itertools
import os
import re
import signal
import sys
import time

import cluster
import fraud
import job_files
import wire
from cluster import Cluster, Failure, wait_until
from kafka_broker import VERSION, Broker
from proxy import Proxy

sys.path.insert(1, os.path.join(cluster.ROOT, "tests", "bench"))
import kafka_jobs  # noqa: E402

SELECTION = ("in_alignment", "before_seal", "kafka_after_marker", "after_metadata_record", "kafka_before_end_txn", "kafka_after_end_txn")
SHORT_CASES = ("end_txn_answer_lost", "broker_killed_before_commit", "zombie_taskmanager", "failed_checkpoint",
               "restored_twice")
# Only a job with an exchange and keyed state passes these: the fraud job.
STATEFUL = ("in_alignment", "before_upload", "after_upload", "in_restore")
NOT_PASSED = ("before_commit_rename", "after_commit_rename",  # of the file sink
              # of repairs: timeout.py crashes there
              "in_resolve_after_fence", "in_repair_after_init", "in_repair_produce", "in_repair_before_commit",
              "in_repair_after_commit")
IN_RECOVERY = ("in_restore", "in_resolve", "before_sweep")
RATE = 2000
_numbers = itertools.count(1)


def failpoints():
    """name -> the process that passes there, as failpoint.h says."""
    with open(os.path.join(cluster.ROOT, "common", "base", "failpoint.h"), encoding="utf-8") as file:
        found = re.findall(r'^\s+"(\w+)",\s*// (JobManager|TaskManager):', file.read(), re.MULTILINE)
    return {name: where for name, where in found if name not in NOT_PASSED}


class Run:
    """A cluster whose job passes records from a fed topic to another; end() is the verdict."""

    def __init__(self, broker, name, taskmanagers=2, slots=1, heartbeat_timeout="3s", **options):
        self.broker = broker
        self.name = name.replace("_", "-")
        self.cluster = Cluster("kafka-" + self.name, taskmanagers=taskmanagers, slots=slots,
                               heartbeat_timeout=heartbeat_timeout)
        self.options = options
        self.topic = self.source = self.feeder = self.file = self.job_id = None
        self.job = "pass-" + self.name

    def __enter__(self):
        self.cluster.__enter__()
        try:
            self._begin()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _begin(self):
        number = next(_numbers)  # a test that is tried again has topics of its own
        self.topic = self.broker.create_topic("out-%s-%d" % (self.name, number), 2)
        self.source = self.broker.create_topic("in-%s-%d" % (self.name, number), 2)
        self.feeder = job_files.Feeder(self.broker.direct, self.source, RATE)
        self.feeder.__enter__()
        self.file = self.cluster.write("job.yaml", job_files.passing(
            self.broker.address, self.topic, self.source, self.job, **self.options))
        self.job_id = self.cluster.submit(self.file)
        self.cluster.wait_checkpoint(self.job, after=1)

    def __exit__(self, *error):
        if self.feeder:
            self.feeder.__exit__(*error)
        self.cluster.__exit__(*error)

    def goes_on(self, after=None):
        """RUNNING again with a checkpoint; after: a status of this kind before the crash, whose attempt must be over, or
        adopted by a JobManager that was started since."""
        starts = self.cluster.jobmanager.starts

        def condition(s):
            if s["state"] != "RUNNING" or after is None or s["attempt"] > after["attempt"]:
                return s["state"] == "RUNNING"
            return starts > after["jobmanager_starts"] and last_id(s) > last_id(after)
        return dict(self.cluster.wait_for(self.job, "goes on", condition), jobmanager_starts=starts)

    def end(self):
        count = self.feeder.stop()
        if count == 0:
            raise Failure("nothing was fed")
        self._verdict(lambda: job_files.verify(self.broker.direct, self.topic, ids=count))

    def _verdict(self, verify):
        said = verify()
        self.cluster.cli("stop", self.job)
        self.cluster.wait_state(self.job, "STOPPED")
        job_files.check_no_residue(self.broker, "after " + self.name, prefix=self.job_id + "/")
        verify()  # nothing was added by stopping
        print("%s: %s" % (self.name, said.split(": ", 2)[2]), flush=True)


class FraudRun(Run):
    """The same with the fraud job: windows behind an exchange; what must come out Python makes of the input."""

    def _begin(self):
        number = next(_numbers)
        self.topic = self.broker.create_topic("alerts-%s-%d" % (self.name, number), 2)
        self.source = self.broker.create_topic("transactions-%s-%d" % (self.name, number), 2)
        self.feeder = fraud.Loader(self.broker.direct, self.source, self.cluster.path("loader.log"), RATE)
        self.feeder.__enter__()
        self.file = self.cluster.write("job.yaml", kafka_jobs.text(
            kafka_jobs.FRAUD, self.job, self.broker.address, self.source, self.topic, "200ms", checkpoint="timeout: 30s",
            restart="strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: 100000"))
        self.job_id = self.cluster.submit(self.file)
        self.cluster.wait_checkpoint(self.job, after=1)

    def end(self):
        loaded = self.feeder.stop()
        lines = fraud.read_all(self.broker.direct, self.source)
        if len(lines) != loaded["records"] + loaded["closers"]:
            raise Failure("the input topic has %d records, the loader says %s" % (len(lines), loaded))
        alerts = fraud.expected_alerts(lines)
        if not alerts:
            raise Failure("the input makes no alerts")
        self._verdict(lambda: job_files.verify(
            self.broker.direct, self.topic, expected=fraud.write_lines(self.cluster.path("expected"), alerts)))


def restart(processes, failpoints_text=""):
    for process in processes:
        process.signal(signal.SIGCONT)
        process.kill()
    for process in processes:
        process.start({"WEIR_FAILPOINTS": failpoints_text} if failpoints_text else {})


def crash_at(broker, name, where, hits):
    with (FraudRun if name in STATEFUL else Run)(broker, name) as run:
        victims = [run.cluster.jobmanager] if where == "JobManager" else run.cluster.taskmanagers
        for hit in range(1, hits + 1):
            before = run.goes_on()
            # In recovery it passes once per attempt; elsewhere let it pass some times before.
            nth = 1 if name in IN_RECOVERY or "resolve" in name or "repair" in name or "sweep" in name else hit
            restart(victims, "%s=crash@%d" % (name, nth))
            wait_until(lambda: any(not v.alive() for v in victims), "a crash at %s" % name)
            for victim in victims:
                code = victim.popen.poll()
                if code not in (None, cluster.CRASH_EXIT_CODE):
                    raise Failure("%s: %s, not a crash at %s\n%s" % (victim.name, cluster.describe_exit(code), name,
                                                                     cluster.tail(victim.log, 60)))
            restart(victims)
            run.goes_on(after=before)
        run.end()


def end_txn_answer_lost(options):
    """The broker commits, its answer does not come: the same EndTxn is sent again and is harmless."""
    with Proxy() as proxy, options.broker("answer-lost", advertised_port=proxy.port) as broker:
        proxy.target = broker.direct
        with Run(broker, "answer_lost") as run:
            for hit in range(1, 2 * options.hits + 1):
                proxy.lose_answers(wire.END_TXN)
                wait_until(lambda h=hit: proxy.lost >= h, "an answer to EndTxn is lost")
                run.goes_on()
            # And while nobody is left who knows what was asked.
            for _ in range(options.hits):
                before, lost = run.goes_on(), proxy.lost
                proxy.lose_answers(wire.END_TXN, 2)
                wait_until(lambda b=lost: proxy.lost > b, "an answer to EndTxn is lost")
                restart(run.cluster.taskmanagers)
                run.goes_on(after=before)
            run.end()


def broker_killed_before_commit(options):
    """kill -9 of the broker when a transaction is prepared and decided, and start it again."""
    with options.broker("killed-before-commit") as broker, Run(broker, "broker_killed") as run:
        for hit in range(1, options.hits + 1):
            victims = run.cluster.taskmanagers
            before = run.goes_on()
            # With the failpoint the TaskManager stops itself right before it commits.
            restart(victims, "kafka_before_end_txn=stop@%d" % (hit + 1))
            wait_until(lambda v=victims: any(stopped(p) for p in v), "a TaskManager stops before it commits")
            broker.kill()
            for victim in victims:
                victim.signal(signal.SIGCONT)
            time.sleep(0.5)  # it may meet the broker that is away
            broker.start()
            restart(victims)
            run.goes_on(after=before)
        run.end()


def broker_killed_at_random(options):
    """The same at any time, the job's processes stay: it waits, or restarts, and goes on."""
    with options.broker("killed-at-random") as broker, Run(broker, "broker_random") as run:
        for hit in range(options.hits):
            before = run.goes_on()["last_checkpoint"]["id"]
            run.cluster.wait_checkpoint(run.job, after=before)
            time.sleep(0.07 * hit)
            broker.kill()
            broker.start()
            run.cluster.wait_checkpoint(run.job, after=run.goes_on()["last_checkpoint"]["id"], deadline=2 * cluster.DEADLINE)
        run.end()


def zombie_taskmanager(options):
    """SIGSTOP past the lease, another takes over, SIGCONT: what it still sends changes nothing."""
    with options.broker("zombie") as broker, Run(broker, "zombie", taskmanagers=3, slots=1, heartbeat_timeout="2s") as run:
        for _ in range(options.hits):
            before = run.goes_on()
            names = {t["taskmanager"] for t in before["tasks"]}
            victim = next(p for p in run.cluster.taskmanagers if p.name in names and p.alive())
            victim.signal(signal.SIGSTOP)
            run.cluster.wait_for(run.job, "goes on without " + victim.name, lambda s, b=before: s["state"] == "RUNNING"
                                 and s["attempt"] > b["attempt"])
            victim.signal(signal.SIGCONT)
            run.cluster.wait_checkpoint(run.job, after=run.goes_on()["last_checkpoint"]["id"])
            if not victim.alive():
                victim.start()  # it was told that its lease is over
            run.cluster.wait_taskmanagers(3)
        run.end()


def last_id(status):
    return (status["last_checkpoint"] or {"id": 0})["id"]


def stopped(process):
    try:
        with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def failed_checkpoint(options):
    """A checkpoint fails after its transactions were prepared, the job goes on: they are committed with the next one."""
    with options.broker("failed-checkpoint") as broker, \
            Run(broker, "failed_checkpoint", checkpoint="tolerable_failures: 100") as run:
        c = run.cluster
        before = run.goes_on()
        restart([c.jobmanager], "before_manifest_rename=error@3")
        attempt = run.goes_on(after=before)["attempt"]
        failed = c.wait_for(run.job, "has a failed checkpoint", lambda s: s["checkpoints_failed"] > 0)
        after = c.wait_checkpoint(run.job, after=(failed["last_checkpoint"] or {"id": 0})["id"])
        if after["attempt"] != attempt:
            raise Failure("the job was restarted: %s" % after["failure"])
        restart(c.taskmanagers)
        run.goes_on(after=after)
        run.end()


def restored_twice(options):
    """A checkpoint whose transactions are not committed yet is restored, and restored again by a second job: one of them
    commits, the other finds them committed. All records lie before that checkpoint, so nothing may be added."""
    records = 5000
    with options.broker("restored-twice") as broker, Cluster("kafka-restored-twice", taskmanagers=2, slots=1) as c:
        source, topic = broker.create_topic("in", 2), broker.create_topic("out", 2)
        job_files.load(broker.direct, source, records)
        # Decided, and the TaskManagers stop before they commit: the transactions are prepared and nothing more.
        restart(c.taskmanagers, "kafka_before_end_txn=stop@1")
        c.wait_taskmanagers(2)
        job = c.write("job.yaml", job_files.passing(broker.address, topic, source, "twice", interval="4s", timeout="3s"))
        c.submit(job)
        wait_until(lambda: any(stopped(p) for p in c.taskmanagers), "a TaskManager stops before it commits")
        for process in c.taskmanagers:
            process.kill()
        path = wait_until(lambda: c.ask("checkpoints", "twice"), "the JobManager lists checkpoints")[-1]["path"]
        c.cli("cancel", "twice")
        c.wait_state("twice", "CANCELLED")
        restart(c.taskmanagers)
        c.wait_taskmanagers(2)
        for _ in range(2):
            job_id = c.submit(job, "--from", path)
            c.wait_checkpoint(job_id)
            said = job_files.verify(broker.direct, topic, ids=records)
            c.cli("cancel", job_id)
            c.wait_state(job_id, "CANCELLED")
            job_files.check_no_residue(broker, "after a restore")
        print("restored_twice: " + said.split(": ", 2)[2], flush=True)


CASES = {f.__name__: f for f in (end_txn_answer_lost, broker_killed_before_commit, broker_killed_at_random,
                                 zombie_taskmanager, failed_checkpoint, restored_twice)}


class Options:
    def __init__(self, version, transaction_version, hits):
        self.version, self.transaction_version, self.hits = version, transaction_version, hits

    def broker(self, name, **more):
        return Broker("matrix-" + name, version=self.version, transaction_version=self.transaction_version, **more)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--names", default="")
    parser.add_argument("--hits", type=int)
    parser.add_argument("--version", default=VERSION)
    parser.add_argument("--transaction-version", type=int)
    args = parser.parse_args()
    points = failpoints()
    if args.names:
        names = args.names.split(",")
    elif args.full:
        names = list(points) + list(CASES)
    else:
        names = list(SELECTION) + list(SHORT_CASES)
    if set(names) - set(points) - set(CASES):
        sys.exit("unknown: %s" % ", ".join(sorted(set(names) - set(points) - set(CASES))))
    hits = args.hits or (5 if args.full else 1)
    versions = [args.transaction_version] if args.transaction_version is not None or not args.full else [2, 0]
    passed = []
    for transaction_version in versions:
        options = Options(args.version, transaction_version, hits)
        label = "crash_matrix." if transaction_version is None else "crash_matrix.v%d." % transaction_version
        chosen = [n for n in names if n in points]
        if chosen:
            with options.broker("failpoints-%s" % transaction_version) as broker:
                for name in chosen:
                    passed.append(cluster.run_test(label + name, lambda n=name: crash_at(broker, n, points[n], hits)))
        for name in names:
            if name in CASES:
                passed.append(cluster.run_test(label + name, lambda n=name: CASES[n](options)))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
