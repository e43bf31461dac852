#!/usr/bin/env python3
"""Damaged files of a checkpoint: truncated, a bit flipped, swapped with another, missing. They are found before use; an
exactly_once job stops with CHECKPOINT_CORRUPT and the file's name, `--from` an older checkpoint works; an at_least_once
job falls back by itself."""
import os

import jobs
import results
from cluster import DEADLINE, WORK, Cluster, Failure, main, wait_until

ROWS, RATE = 300_000, 40_000


def truncate(path, _):
    os.truncate(path, os.path.getsize(path) // 2)


def flip_bit(path, _):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))


def swap(path, other):
    os.rename(path, path + ".swap")
    os.rename(other, path)
    os.rename(path + ".swap", other)


def remove(path, _):
    os.remove(path)


def sample():
    # Many users and long minutes, so that state does not fit into the manifest.
    return results.transactions(os.path.join(WORK, "corruption-%d.jsonl" % ROWS), ROWS, seed=9, users=60_000,
                                rows_per_minute=100_000, suspect_share=0.05)


def checkpoints(c, job):
    """Oldest first, of `weir checkpoints -o json`."""
    return c.ask("checkpoints", job)


def stop_all(c):
    for process in c.processes():
        process.kill()


def start_all(c):
    for process in c.processes():
        process.start()
    c.wait_taskmanagers(len(c.taskmanagers))


def state_files(c, job_id, manifest):
    """The files that a manifest cites, oldest first."""
    found = []
    for folder, _, names in os.walk(os.path.join(c.storage, job_id, "state")):
        found += [os.path.join(folder, n) for n in names]
    with open(manifest, "rb") as file:
        cited_by = file.read()
    cited = [f for f in found if os.path.relpath(f, c.storage).encode() in cited_by]
    if len(cited) < 2:
        raise Failure("the checkpoint cites no files of state: %s of %s" % (cited, found))
    return sorted(cited, key=os.path.getmtime)


def run_until_checkpoints(c, guarantee):
    transactions = sample()
    text = jobs.fraud_alert(transactions, c.path("alerts"), rate=RATE, guarantee=guarantee, checkpoint="keep: 5",
                            interval="500ms")
    job = c.write("job.yaml", text)
    job_id = c.submit(job)
    c.wait_checkpoint(job_id, after=5)
    stop_all(c)
    return job, job_id


def damage(c, job_id, kind, last):
    """Damages the last checkpoint; returns the name that the job must tell."""
    manifest = last["path"].removeprefix("file://")
    if kind is remove_manifest or kind is flip_manifest:
        (remove if kind is remove_manifest else flip_bit)(manifest, None)
        return os.path.basename(manifest)
    files = state_files(c, job_id, manifest)
    kind(files[-1], files[-2])
    return os.path.basename(files[-1])


def remove_manifest():
    """A kind of damage, told apart in damage()."""


def flip_manifest():
    """A kind of damage, told apart in damage()."""


def exactly_once(kind):
    with Cluster("corrupt-" + kind.__name__, taskmanagers=2, slots=2) as c:
        job, job_id = run_until_checkpoints(c, "exactly_once")
        c.jobmanager.start()  # alone, to ask which checkpoints there are
        listed = [p for p in listed_checkpoints(c, job_id) if not p.get("savepoint")]
        c.jobmanager.kill()
        if len(listed) < 3:
            raise Failure("keep: 5, but there are %d checkpoints" % len(listed))
        name = damage(c, job_id, kind, listed[-1])
        start_all(c)
        status = c.wait_for(job_id, "is FAILED", lambda s: s["state"] == "FAILED")
        told = str(status["failure"])
        if "CHECKPOINT_CORRUPT" not in told or (name not in told and kind is not swap):  # either of two swapped files
            raise Failure("the failure does not tell CHECKPOINT_CORRUPT and %s: %s" % (name, told))
        # The user's choice: an older one. It starts; what became visible since then comes again.
        older = next((p for p in reversed(listed[:-1]) if readable(c, job, p)), None)
        if older is None:
            raise Failure("no older checkpoint can be started from")
        c.wait_state("fraud-alert", "FINISHED", 3 * DEADLINE)
        results.check_at_least_once(results.expected_alerts(sample()), results.committed_alerts(c.path("alerts")))


def listed_checkpoints(c, job_id):
    return wait_until(lambda: checkpoints(c, job_id), "the JobManager lists checkpoints of " + job_id)


def readable(c, job, checkpoint):
    """Starts from it; a checkpoint that shares the damaged file is refused, which is right, too."""
    result = c.cli("submit", job, "--detach", "--from", checkpoint["path"], expect=(0, 1, 4))
    if result.returncode != 0:
        if "CHECKPOINT_CORRUPT" not in result.stderr:
            raise Failure("--from %s: %s" % (checkpoint["path"], result.stderr))
        return False
    job_id = result.stdout.strip().splitlines()[-1]
    status = c.wait_for(job_id, "runs or is refused",
                        lambda s: s["state"] in ("RUNNING", "FINISHED") or s["state"] == "FAILED")
    if status["state"] == "FAILED" and "CHECKPOINT_CORRUPT" not in str(status["failure"]):
        raise Failure("--from %s: %s" % (checkpoint["path"], status["failure"]))
    return status["state"] != "FAILED"


def truncated_file():
    exactly_once(truncate)


def flipped_bit():
    exactly_once(flip_bit)


def swapped_files():
    exactly_once(swap)


def missing_file():
    exactly_once(remove)


def flipped_bit_in_manifest():
    exactly_once(flip_manifest)


def missing_manifest():
    exactly_once(remove_manifest)


def at_least_once_falls_back():
    with Cluster("corrupt-at-least-once", taskmanagers=2, slots=2) as c:
        _, job_id = run_until_checkpoints(c, "at_least_once")
        c.jobmanager.start()
        last = listed_checkpoints(c, job_id)[-1]
        c.jobmanager.kill()
        damage(c, job_id, flip_bit, last)
        start_all(c)
        c.wait_state(job_id, "FINISHED", 3 * DEADLINE)
        results.check_at_least_once(results.expected_alerts(sample()), results.committed_alerts(c.path("alerts")))


if __name__ == "__main__":
    main([truncated_file, flipped_bit, swapped_files, missing_file, flipped_bit_in_manifest, missing_manifest,
          at_least_once_falls_back])
