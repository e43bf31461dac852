#!/usr/bin/env python3
"""Three JobManagers on a real etcd: leaders are killed and stopped, etcd is away; the tasks run on, and what is committed
is right. Against Kafka, with the lengths of the gaps: tests/kafka/ha.py.

    ha.py                   all, with short times
    ha.py --long NAME...    etcd away for 30 s, a leader stopped for 15 s
"""
import os
import signal
import sys
import time

import cluster
import ha_cluster
import jobs
import results
from cluster import Failure, wait_until

LONG = "--long" in sys.argv
JOB = "fraud-alert"
ROWS, RATE = (400_000, 8_000) if LONG else (160_000, 8_000)


class Run(ha_cluster.HaCluster):
    """A job that reads and writes files, and is to run in one attempt to its end."""

    def submit_job(self):
        transactions = results.transactions(os.path.join(cluster.WORK, "ha-%d.jsonl" % ROWS), ROWS, seed=5,
                                            suspect_share=0.05)
        self.expected = results.expected_alerts(transactions)
        self.submit(self.write("job.yaml", jobs.fraud_alert(transactions, self.path("alerts"), rate=RATE)))
        return self.wait_checkpoint(JOB)

    def goes_on(self, after):
        """A later checkpoint, and nothing was restarted."""
        status = self.wait_for(JOB, "completes a checkpoint after %d" % after, lambda s: s["last_checkpoint"] is not None and
                               s["last_checkpoint"]["id"] > after)
        self.check_attempt(status)
        return status["last_checkpoint"]["id"]

    def check_attempt(self, status):
        if status["attempt"] != self.attempts or status["restarts"] != 0:
            raise Failure("the tasks were restarted: attempt %d, %d restarts, failure %s" % (
                status["attempt"], status["restarts"], status.get("failure")))
    attempts = 1

    def finish(self):
        self.attempts = 2  # the end is an attempt of its own
        self.check_attempt(self.wait_state(JOB, "FINISHED", deadline=3 * cluster.DEADLINE))
        found = results.committed_alerts(self.path("alerts"))
        print("ha: " + results.verdict(self.expected, found))
        results.check_exactly_once(self.expected, found)


def etcd_contract():
    ha_cluster.contract(os.path.join(cluster.WORK, "ha-contract"))


def leader_killed():
    with Run("ha-killed", taskmanagers=2, slots=2) as c:
        last = c.submit_job()["last_checkpoint"]["id"]
        for _ in range(3):
            victim = c.jobmanager
            victim.kill()
            c.wait_leader()
            last = c.goes_on(last)
            victim.start()
        c.finish()


def leader_stopped():
    """SIGSTOP for longer than its lease and its TaskManagers' patience, then SIGCONT: it changes nothing, and stands by."""
    with Run("ha-stopped", taskmanagers=2, slots=2) as c:
        last = c.submit_job()["last_checkpoint"]["id"]
        old = c.jobmanager
        old.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        new = c.wait_leader(other_than=old)
        last = c.goes_on(last)
        wait_until(lambda: time.monotonic() - stopped > (15 if LONG else 6), "it was stopped for long")
        old.signal(signal.SIGCONT)
        wait_until(lambda: "stands by" in cluster.tail(old.log, 200), "the old leader steps down")
        last = c.goes_on(last)
        if c.leader() is not new or c.metric(old, "weir_jobmanager_leads") != 0:
            raise Failure("the old leader came back")
        # It is worth as much as any: it leads when the others are gone.
        for process in c.jobmanagers:
            if process is not old:
                process.kill()
        c.wait_leader()
        c.goes_on(last)
        c.finish()


def etcd_away():
    """Tasks run on; no checkpoint completes; afterwards everything goes on, whoever leads."""
    with Run("ha-etcd", taskmanagers=2, slots=2) as c:
        c.submit_job()
        c.etcd.process.kill()
        away = time.monotonic()
        # A record that was under way may have been written before.
        time.sleep(1)
        at_first = c.status(JOB)
        rows = rows_read(at_first)
        wait_until(lambda: time.monotonic() - away > (30 if LONG else 8), "etcd is away for long")
        status = c.status(JOB)
        c.check_attempt(status)
        if status["last_checkpoint"]["id"] > at_first["last_checkpoint"]["id"]:
            raise Failure("checkpoint %d was completed without etcd" % status["last_checkpoint"]["id"])
        if rows_read(status) <= rows:
            raise Failure("nothing was read while etcd was away")
        c.etcd.start()
        c.goes_on(status["last_checkpoint"]["id"])
        c.finish()


def rows_read(status):
    return sum(t["rows_in"] for t in status["tasks"])


def standby_says_who_leads():
    with ha_cluster.HaCluster("ha-standby", jobmanagers=2, taskmanagers=1) as c:
        leader_at = c.jobmanagers.index(c.jobmanager)
        addresses = c.address.split(",")
        asked = cluster.run([cluster.BINARY, "list", "--jobmanager", addresses[1 - leader_at]], expect=(5,))
        if addresses[leader_at] not in asked.stderr:
            raise Failure("the standby does not name the leader: %s" % asked.stderr)
        # In either order.
        for order in (addresses, addresses[::-1]):
            cluster.run([cluster.BINARY, "list", "--jobmanager", ",".join(order)])
        c.jobmanager.terminate()  # it gives the lead up: nobody waits for a lease
        c.wait_leader()
        c.wait_taskmanagers(1)


if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--long"]
    cluster.main([etcd_contract, standby_says_who_leads, leader_killed, leader_stopped, etcd_away])
