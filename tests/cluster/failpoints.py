#!/usr/bin/env python3
"""Crashes a process at the failpoints of common/base/failpoint.h, three times each, under a running exactly-once job;
each job's committed files must hold exactly the right rows.

    failpoints.py                 a short selection
    failpoints.py --all           every name
    failpoints.py --names a,b     these
"""
import argparse
import os
import re
import sys

import cluster
import jobs
import results
from cluster import wait_until

HITS = 3
SELECTION = ("after_upload", "after_metadata_record", "before_commit_rename", "in_resolve")
ROWS, RATE = 420_000, 30_000


def failpoints():
    """name -> the process that passes there, as failpoint.h says."""
    with open(os.path.join(cluster.ROOT, "common", "base", "failpoint.h"), encoding="utf-8") as file:
        return dict(re.findall(r'^\s+"(\w+)",\s*// (JobManager|TaskManager):', file.read(), re.MULTILINE))


def main():
    known = failpoints()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--names", default="")
    parser.add_argument("--hits", type=int, default=HITS)
    args = parser.parse_args()
    names = list(known) if args.all else args.names.split(",") if args.names else SELECTION
    if set(names) - set(known):
        sys.exit("unknown failpoints: %s" % ", ".join(sorted(set(names) - set(known))))
    passed = [cluster.run_test("failpoints." + n, lambda n=n: crash_at(n, known[n], args.hits)) for n in names]
    sys.exit(0 if all(passed) else 1)


def crash_at(name, where, hits):
    # All slots are needed, so the process that comes back with the failpoint gets its subtasks back.
    with cluster.Cluster("failpoint-" + name, taskmanagers=2, slots=2) as c:
        transactions = results.transactions(os.path.join(cluster.WORK, "failpoints-%d.jsonl" % ROWS), ROWS, seed=3,
                                            suspect_share=0.05)
        expected = results.expected_alerts(transactions)
        job = c.write("job.yaml", jobs.fraud_alert(transactions, c.path("alerts"), interval="100ms", rate=RATE))
        c.submit(job)
        c.wait_checkpoint("fraud-alert")
        victims = [c.jobmanager] if where == "JobManager" else c.taskmanagers
        for hit in range(1, hits + 1):
            before = c.wait_for("fraud-alert", "goes on", lambda s: s["state"] == "RUNNING")
            # The first, second, third time that a process passes there; in recovery it passes once per attempt.
            nth = 1 if name in ("in_restore", "in_resolve", "before_sweep") else hit
            restart(victims, {"WEIR_FAILPOINTS": "%s=crash@%d" % (name, nth)})
            wait_until(lambda: any(not v.alive() for v in victims), "a crash at %s" % name)
            for victim in victims:
                code = victim.popen.poll()
                if code not in (None, cluster.CRASH_EXIT_CODE):
                    raise cluster.Failure("%s: %s, not a crash at %s\n%s" % (
                        victim.name, cluster.describe_exit(code), name, cluster.tail(victim.log, 60)))
            restart(victims, {})
            c.wait_for("fraud-alert", "is restarted after hit %d" % hit,
                       lambda s, b=before: s["state"] in ("RUNNING", "FINISHED") and (
                           s["attempt"] > b["attempt"] or where == "JobManager" and last_id(s) > last_id(b)))
        c.wait_state("fraud-alert", "FINISHED", deadline=3 * cluster.DEADLINE)
        found = results.committed_alerts(c.path("alerts"))
        print("%s: %d crashes; %s" % (name, hits, results.verdict(expected, found)))
        results.check_exactly_once(expected, found)


def last_id(status):
    return (status["last_checkpoint"] or {"id": 0})["id"]


def restart(processes, environment):
    for process in processes:
        process.kill()
    for process in processes:
        process.start(environment)


if __name__ == "__main__":
    main()
