#!/usr/bin/env python3
"""The disk of the checkpoint storage is full: checkpoints fail, the job goes on, and with room again the next one
succeeds. The disk is a small tmpfs; where mounting is not permitted the test is skipped."""
import errno
import os
import subprocess
import sys

import jobs
import results
from cluster import DEADLINE, WORK, Cluster, Failure, Skip, main

ROWS, RATE = 600_000, 40_000
IN_NAMESPACE = "WEIR_TEST_IN_NAMESPACE"


class SmallDisk:
    def __init__(self, path, size):
        self.path, self.size = path, size

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + self.size, "none", self.path],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip("mounting a tmpfs is not permitted here: " + done.stderr.strip())
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self):
        os.remove(os.path.join(self.path, "filler"))


def full_disk():
    disk_path = os.path.join(WORK, "small-disk")
    with SmallDisk(disk_path, "48m") as disk, \
            Cluster("full-disk", taskmanagers=2, slots=2, storage=os.path.join(disk_path, "checkpoints")) as c:
        transactions = results.transactions(os.path.join(WORK, "full-disk-%d.jsonl" % ROWS), ROWS, seed=9,
                                            suspect_share=0.05)
        job = c.write("job.yaml", jobs.fraud_alert(transactions, c.path("alerts"), rate=RATE,
                                                   checkpoint="tolerable_failures: 1000000"))
        c.submit(job)
        before = c.wait_checkpoint("fraud-alert", after=2)
        disk.fill()
        # One fails; the next is tried when the storage takes a probe file again.
        failing = c.wait_for("fraud-alert", "has a failed checkpoint",
                             lambda s: s["checkpoints_failed"] > before["checkpoints_failed"])
        rows = rows_in(failing)
        going_on = c.wait_for("fraud-alert", "goes on reading while its checkpoints fail",
                              lambda s: rows_in(s) > rows + RATE // 4)
        if going_on["attempt"] != before["attempt"]:
            raise Failure("the job was restarted: %s" % going_on["failure"])
        disk.free()
        after = c.wait_checkpoint("fraud-alert", after=going_on["last_checkpoint"]["id"])
        if after["attempt"] != before["attempt"]:
            raise Failure("the job was restarted: %s" % after["failure"])
        c.wait_state("fraud-alert", "FINISHED", 3 * DEADLINE)
        results.check_exactly_once(results.expected_alerts(transactions), results.committed_alerts(c.path("alerts")))


def rows_in(status):
    return sum(t["rows_out"] for t in status["tasks"])


if __name__ == "__main__":
    if os.geteuid() != 0 and IN_NAMESPACE not in os.environ:
        # An ordinary user may mount in a namespace of its own, where the machine allows those.
        inside = ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run(inside + ["true"], capture_output=True, check=False).returncode == 0:
            os.environ[IN_NAMESPACE] = "1"
            os.execvp(inside[0], inside + [sys.executable] + sys.argv)
    main([full_disk])
