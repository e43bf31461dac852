#!/usr/bin/env python3
"""One JobManager, three TaskManagers, deploy/jobs/fraud-alert.yaml at parallelism 4 with a checkpoint every 200 ms; a
random process (the JobManager included) is killed with kill -9 about every second and started again. What is committed
in the end is compared, as a multiset, with what Python computes from the input."""
import argparse
import collections
import os
import random
import sys
import time

import cluster
import jobs
import results

SECONDS_PER_KILL = 1.5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=5_000_000)
    args = parser.parse_args()
    sys.argv[1:] = []
    # Too slow is a verdict here, not a reason to try again: each run has its own interleaving.
    sys.exit(0 if cluster.run_test("chaos.kill_9", lambda: chaos(args.kills, args.seed, args.rows)) else 1)


def chaos(kills, seed, rows):
    rng = random.Random(seed)
    with cluster.Cluster("chaos", taskmanagers=3, slots=2) as c:
        transactions = results.transactions(c.path("transactions.jsonl"), rows, seed, suspect_share=0.05)
        expected = results.expected_alerts(transactions)
        lasts_seconds = max(10, kills * SECONDS_PER_KILL)
        job = c.write("job.yaml", jobs.fraud_alert(transactions, c.path("alerts"), rate=max(1, int(rows / lasts_seconds))))
        began = time.monotonic()
        c.submit(job)
        c.wait_checkpoint("fraud-alert")

        killed = collections.Counter()
        at_end = 0
        for _ in range(kills):
            wait(rng.uniform(0.5, 1.0))
            victim = rng.choice(c.processes())
            if not victim.alive():
                raise cluster.Failure("%s died by itself: %s\n%s" % (
                    victim.name, cluster.describe_exit(victim.popen.returncode), cluster.tail(victim.log, 60)))
            victim.kill()
            killed[victim.name] += 1
            wait(rng.uniform(0.05, 0.5))
            victim.start()
            status = c.status("fraud-alert")
            at_end += status is not None and status["state"] in cluster.ENDED
        kills_end = time.monotonic()
        last = c.wait_state("fraud-alert", "FINISHED", deadline=max(180, 5 * lasts_seconds) * cluster.DEADLINE / 60)
        seconds = time.monotonic() - began

        found = results.committed_alerts(c.path("alerts"))
        print("chaos: seed %d, %d rows in %.0f s (%.0f s after the last kill)" % (seed, rows, seconds,
                                                                             time.monotonic() - kills_end))
        print("chaos: %d kills: %s; %d of them after the end" % (
            kills, ", ".join("%s %d" % item for item in sorted(killed.items())), at_end))
        print("chaos: attempts %d, last checkpoint %s" % (last["attempt"], (last["last_checkpoint"] or {}).get("id")))
        print("chaos: " + results.verdict(expected, found))
        results.check_exactly_once(expected, found)
        left = results.hidden_files(c.path("alerts"))
        if left:
            raise cluster.Failure("hidden files are left: %s" % left[:5])
        if at_end > kills // 4:
            raise cluster.Failure("the job ended too early: raise --rows, or lower --kills")


def wait(seconds):
    time.sleep(seconds)  # the only place where time itself is the thing tested


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    main()
