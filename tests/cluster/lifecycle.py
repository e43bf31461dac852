#!/usr/bin/env python3
"""A job's life, through the command line and through the death of each process. Every job that ends must have written
exactly what Python computes from its input."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import jobs
import results
from cluster import BINARY, DEADLINE, ROOT, WORK, Cluster, Failure, TooSlow, describe_exit, main, run, tail, wait_until

ROWS = 200_000
NOWHERE = "127.0.0.1:1"


def sample(rows=ROWS):
    path = os.path.join(WORK, "lifecycle-%d.jsonl" % rows)
    return results.transactions(path, rows, seed=5, suspect_share=0.05)


def fraud(c, name="fraud-alert", rows=ROWS, **options):
    """Writes the job file; returns it, the output folder and what must be in there at the end."""
    path = sample(rows)
    alerts = c.path("alerts-" + name)
    return c.write(name + "-job.yaml", jobs.fraud_alert(path, alerts, name, **options)), alerts, path


def check(condition, message):
    if not condition:
        raise Failure(message)


def finish_and_compare(c, name, alerts, path, deadline=None):
    status = c.wait_state(name, "FINISHED", deadline or 3 * DEADLINE)
    results.check_exactly_once(results.expected_alerts(path), results.committed_alerts(alerts))
    return status


def verbs():
    """submit, list, status, wait, checkpoints, savepoint, cancel, cluster, and their exit codes."""
    with Cluster("verbs", taskmanagers=2, slots=2) as c:
        job, alerts, path = fraud(c)
        job_id = c.submit(job)
        check(job_id, "submit --detach prints no id")
        c.cli("wait", "fraud-alert", "--for", "finished", "--timeout", "%ds" % (2 * DEADLINE), deadline=3 * DEADLINE)
        status = finish_and_compare(c, job_id, alerts, path)
        for key in ("id", "name", "state", "attempt", "restarts", "last_checkpoint", "failure", "tasks"):
            check(key in status, "status -o json lacks " + key)
        check(status["id"] == job_id and status["last_checkpoint"]["id"] > 0, "status: %s" % status)
        listed = c.cli("list").stdout
        check("fraud-alert" in listed and "FINISHED" in listed, "list: " + listed)

        attached, alerts, path = fraud(c, "attached")
        c.cli("submit", attached)  # follows the job to its end
        finish_and_compare(c, "attached", alerts, path)

        endless = c.write("endless.yaml", jobs.endless("endless", parallelism=2))
        c.submit(endless)
        c.cli("wait", "endless", "--for", "running", "--timeout", "%ds" % DEADLINE)
        again = c.cli("submit", endless, "--detach", expect=(4,))
        check("endless" in again.stderr, "refused without the job's name: " + again.stderr)
        c.cli("wait", "endless", "--for", "checkpoint", "--timeout", "%ds" % DEADLINE)
        c.cli("wait", "endless", "--for", "finished", "--timeout", "2s", expect=(6,))
        savepoint = c.cli("savepoint", "endless").stdout.strip()
        check("/savepoints/" in savepoint, "savepoint prints: " + savepoint)
        check(c.status("endless")["state"] == "RUNNING", "not RUNNING after a savepoint")
        check("/" in c.cli("checkpoints", "endless").stdout, "checkpoints prints no path")
        c.cli("cancel", "endless")
        check(c.wait_state("endless", "CANCELLED"), "")
        c.cli("cancel", "endless", expect=(4,))
        c.cli("wait", "endless", "--for", "finished", expect=(1,))

        c.cli("status", "no-such-job", expect=(3,))
        c.cli("wait", "no-such-job", "--for", "running", expect=(3,))
        c.cli("cancel", "no-such-job", expect=(3,))
        got = c.ask("cluster")
        check(len(got["taskmanagers"]) == 2, "cluster: %s" % got)
        run([BINARY, "list", "--jobmanager", NOWHERE], expect=(5,))
        run([BINARY, "status", "x", "--jobmanager", NOWHERE], expect=(5,))
        run([BINARY, "no-such-verb"], expect=(2,))
        run([BINARY, "submit"], expect=(2,))
        run([BINARY, "list", "--no-such-option"], expect=(2,))
        run([BINARY, "version"])


def stop_and_go_on():
    """stop with a savepoint, --from it at another parallelism: together exactly once."""
    with Cluster("stop", taskmanagers=2, slots=4) as c:
        job, alerts, path = fraud(c, "first", parallelism=4, rate=40_000)
        c.submit(job)
        c.wait_checkpoint("first")
        savepoint = c.cli("stop", "first").stdout.strip().splitlines()[-1]
        check("/savepoints/" in savepoint, "stop prints: " + savepoint)
        stopped = c.status("first")
        check(stopped["state"] == "STOPPED", "after stop: %s" % stopped["state"])
        check(not results.hidden_files(alerts), "uncommitted files after stop")
        c.cli("submit", job, "--detach", "--from", savepoint + "-no-such", expect=(4,))
        for parallelism, rate in ((3, 60_000), (1, None)):
            text = jobs.fraud_alert(path, alerts, "first", parallelism=parallelism, rate=rate)
            job_id = c.submit(c.write("next.yaml", text), "--from", savepoint)
            check(job_id != stopped["id"], "the job that starts from a savepoint has the old id")
            if rate:
                c.wait_checkpoint(job_id)
                savepoint = c.cli("stop", job_id).stdout.strip().splitlines()[-1]
        finish_and_compare(c, job_id, alerts, path)


def jobmanager_dies():
    with Cluster("jobmanager-dies", taskmanagers=2, slots=2) as c:
        job, alerts, path = fraud(c, rate=22_000)
        c.submit(job)
        before = c.wait_checkpoint("fraud-alert")
        c.jobmanager.kill()
        c.cli("status", "fraud-alert", expect=(5,))
        c.jobmanager.start()
        after = c.wait_for("fraud-alert", "runs again",
                           lambda s: s["state"] == "RUNNING" and
                           s["last_checkpoint"]["id"] > before["last_checkpoint"]["id"])
        check(after["id"] == before["id"], "another job id after the restart")
        check(after["attempt"] == before["attempt"], "the tasks, which ran on, were restarted")
        finish_and_compare(c, "fraud-alert", alerts, path)
        # Ended jobs stay listed, also across a restart.
        c.jobmanager.kill()
        c.jobmanager.start()
        c.wait_state("fraud-alert", "FINISHED")


def taskmanager_dies():
    """With spare slots the job goes on at once; without, it waits for the TaskManager to come back."""
    with Cluster("taskmanager-dies", taskmanagers=3, slots=2) as c:
        job, alerts, path = fraud(c, rate=20_000)
        c.submit(job)
        for victim, comes_back in ((c.taskmanagers[0], False), (c.taskmanagers[1], True)):
            before = c.wait_checkpoint("fraud-alert")
            victim.kill()
            if comes_back:
                victim.start()
            c.wait_for("fraud-alert", "runs again without " + victim.name,
                       lambda s, b=before: s["attempt"] > b["attempt"] and s["state"] == "RUNNING" or
                       victim.name not in {t["taskmanager"] for t in b["tasks"]})
        finish_and_compare(c, "fraud-alert", alerts, path)


def zombie():
    """A stopped TaskManager is lost, its job goes on elsewhere; continued, it can do no harm and comes back."""
    with Cluster("zombie", taskmanagers=3, slots=2, heartbeat_timeout="1s") as c:
        job, alerts, path = fraud(c, rate=20_000)
        c.submit(job)
        before = c.wait_checkpoint("fraud-alert")
        names = {t["taskmanager"] for t in before["tasks"]}
        victim = next(p for p in c.taskmanagers if p.name in names)
        victim.signal(signal.SIGSTOP)
        after = c.wait_for("fraud-alert", "runs again without %s" % victim.name,
                           lambda s: s["attempt"] > before["attempt"] and s["state"] == "RUNNING")
        check(victim.name not in {t["taskmanager"] for t in after["tasks"]}, "tasks on a stopped TaskManager")
        c.wait_checkpoint("fraud-alert", after["last_checkpoint"]["id"])
        victim.signal(signal.SIGCONT)
        c.wait_taskmanagers(3)
        finish_and_compare(c, "fraud-alert", alerts, path)


def jobmanager_stopped():
    """A JobManager that stands still for a while and goes on: nothing is lost or doubled."""
    with Cluster("jobmanager-stopped", taskmanagers=2, slots=2, heartbeat_timeout="1s") as c:
        job, alerts, path = fraud(c, rate=22_000)
        c.submit(job)
        c.wait_checkpoint("fraud-alert")
        c.jobmanager.signal(signal.SIGSTOP)
        time.sleep(2.5)  # longer than the heartbeat timeout
        c.jobmanager.signal(signal.SIGCONT)
        finish_and_compare(c, "fraud-alert", alerts, path)


def at_least_once():
    """Killed under at_least_once: every row is there."""
    with Cluster("at-least-once", taskmanagers=2, slots=2) as c:
        job, alerts, path = fraud(c, rate=40_000, guarantee="at_least_once")
        c.submit(job)
        before = c.wait_checkpoint("fraud-alert")
        c.taskmanagers[0].kill()
        c.taskmanagers[0].start()
        c.wait_for("fraud-alert", "runs again", lambda s: s["attempt"] > before["attempt"])
        c.wait_state("fraud-alert", "FINISHED", 3 * DEADLINE)
        results.check_at_least_once(results.expected_alerts(path), results.committed_alerts(alerts))


def daemons():
    """/healthz, /metrics, SIGTERM."""
    with Cluster("daemons", taskmanagers=1, slots=2) as c:
        c.submit(c.write("endless.yaml", jobs.endless("endless", parallelism=2)))
        c.wait_checkpoint("endless")
        base = "http://127.0.0.1:%d" % c.http_port
        with urllib.request.urlopen(base + "/healthz", timeout=DEADLINE) as answer:
            check(answer.status == 200, "/healthz: %d" % answer.status)

        def metrics():
            with urllib.request.urlopen(base + "/metrics", timeout=DEADLINE) as answer:
                text = answer.read().decode()
            return text if "endless" in text and "checkpoint" in text else None
        text = wait_until(metrics, "/metrics tells of the job and its checkpoints")
        for line in text.splitlines():
            check(not line or line.startswith("#") or re.fullmatch(r"[a-zA-Z_:][\w:]*(\{.*\})? \S+( \d+)?", line),
                  "not in the text format of Prometheus: " + line)
        for process in (c.taskmanagers[0], c.jobmanager):
            code = process.terminate()
            check(code == 0, "%s: %s after SIGTERM\n%s" % (process.name, describe_exit(code), tail(process.log)))
        c.jobmanager.start()
        c.taskmanagers[0].start()
        c.wait_for("endless", "runs again", lambda s: s["state"] == "RUNNING")


def embedded():
    """weir run: Ctrl-C takes a savepoint, the next run in that folder goes on from it, the one after starts anew."""
    with Cluster("embedded", taskmanagers=0) as c:
        job, alerts, path = fraud(c, rate=40_000, parallelism=2)
        command = [BINARY, "run", job, "--state-dir", c.path("state")]
        with open(c.path("run.log"), "wb") as log:
            first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: first.poll() is not None or results.committed_rows(alerts), "the first committed rows")
            check(first.poll() is None, "weir run ended early: %s\n%s" % (describe_exit(first.returncode),
                                                                         tail(c.path("run.log"))))
            first.send_signal(signal.SIGINT)
            code = first.wait(2 * DEADLINE)
        except subprocess.TimeoutExpired:
            raise TooSlow("weir run does not end on Ctrl-C\n" + tail(c.path("run.log"))) from None
        finally:
            first.kill()
            first.wait()
        check(code == 130, "%s after Ctrl-C\n%s" % (describe_exit(code), tail(c.path("run.log"))))
        part = results.committed_alerts(alerts)
        expected = results.expected_alerts(path)
        check(sum(part.values()) < sum(expected.values()), "nothing was left to do after Ctrl-C")
        run(command, deadline=3 * DEADLINE)
        results.check_exactly_once(expected, results.committed_alerts(alerts))
        fast = c.write("fast.yaml", jobs.fraud_alert(path, alerts, parallelism=2))
        run([BINARY, "run", fast, "--state-dir", c.path("state")], deadline=3 * DEADLINE)
        results.check_exactly_once(expected + expected, results.committed_alerts(alerts))
        result = run([BINARY, "run", fast, "-o", "json"], deadline=3 * DEADLINE)  # a temporary state folder
        check(json.loads(result.stdout.strip().splitlines()[-1])["state"] == "FINISHED", "run -o json: " + result.stdout)


def local_cluster():
    """deploy/local-cluster.sh up, status, down."""
    with Cluster("local-cluster", taskmanagers=0) as c:
        c.jobmanager.kill()
        script = os.path.join(ROOT, "deploy", "local-cluster.sh")
        options = ["--dir", c.path("local"), "--port", c.address.split(":")[1], "--http-port", str(c.http_port)]
        environment = dict(os.environ, WEIR_BINARY=BINARY)
        try:
            run([script, "up", "--taskmanagers", "3"] + options, env=environment)
            c.wait_taskmanagers(3)
            job, alerts, path = fraud(c)
            c.submit(job)
            finish_and_compare(c, "fraud-alert", alerts, path)
            run([script, "status"] + options, env=environment)
        finally:
            down = run([script, "down"] + options, env=environment)
        check("ended 4 processes" in down.stdout, "down: " + down.stdout)
        c.cli("list", expect=(5,))


if __name__ == "__main__":
    main([verbs, stop_and_go_on, jobmanager_dies, taskmanager_dies, zombie, jobmanager_stopped, at_least_once, daemons,
          embedded, local_cluster])
