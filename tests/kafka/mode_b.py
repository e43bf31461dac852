#!/usr/bin/env python3
"""A broker that does not know DescribeTransactions, as Kafka before 3.0: transactions are committed by the producers
that wrote them, and what is left after a crash is decided by the marker and written again from the checkpoint. A crash
before, in and after commits and repairs; every record must be there exactly once and in order per key.

    mode_b.py [FAILPOINT ...]
"""
import environment  # pylint: disable=unused-import

import sys

import cluster
import crash_matrix
import wire
from cluster import Failure, wait_until
from kafka_broker import Broker
from proxy import Proxy

COMMIT = ("kafka_after_marker", "kafka_before_end_txn", "kafka_after_end_txn")
REPAIR = ("in_resolve_after_fence", "in_repair_produce", "in_repair_before_commit", "in_repair_after_commit")


def crash_in_repair(broker, step):
    """Everything dies between decision and commit, and the recovery at one of its steps."""
    with crash_matrix.Run(broker, step) as run:
        before = run.goes_on()
        crash_matrix.restart([run.cluster.jobmanager], "after_metadata_record=crash@2")
        run.cluster.jobmanager.wait_exit()
        crash_matrix.restart([run.cluster.jobmanager])
        crash_matrix.restart(run.cluster.taskmanagers, step + "=crash")
        wait_until(lambda: any(not p.alive() for p in run.cluster.taskmanagers), "a crash at " + step)
        for process in run.cluster.taskmanagers:
            if process.popen.poll() not in (None, cluster.CRASH_EXIT_CODE):
                raise Failure("%s: %s, not a crash at %s" % (
                    process.name, cluster.describe_exit(process.popen.poll()), step))
        crash_matrix.restart(run.cluster.taskmanagers)
        run.goes_on(after=before)
        run.end()


def main():
    names = sys.argv[1:] or COMMIT + REPAIR
    passed = []
    with Proxy() as proxy, Broker("mode-b", advertised_port=proxy.port,
                                   settings={"broker.session.timeout.ms": 30_000}) as broker:
        proxy.target = broker.direct
        proxy.hide(wire.DESCRIBE_TRANSACTIONS)
        for name in names:
            if name in REPAIR:
                passed.append(cluster.run_test("mode_b." + name, lambda n=name: crash_in_repair(broker, n)))
            else:
                passed.append(cluster.run_test(
                    "mode_b." + name, lambda n=name: crash_matrix.crash_at(broker, n, "TaskManager", 1)))
        if proxy.requests[wire.DESCRIBE_TRANSACTIONS] or not proxy.requests[wire.END_TXN]:
            print("FAIL mode_b: it was not mode B: %s" % dict(proxy.requests))
            passed.append(False)
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
