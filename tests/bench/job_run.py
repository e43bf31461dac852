"""A bounded job, once through, on daemons of its own: what it took."""
import json
import statistics
import time

import machine
import cluster


def run(name, job, taskmanagers=1, slots=2, deadline=900, check=None, settings=()):
    """Submits a job file's text, or what job(cluster) returns, and waits for its end. Fails unless it FINISHED.

    check(cluster, status) looks at what came out before the cluster's folder is removed. settings: KEY=VALUE for the
    TaskManagers. Seconds are from `submit` to the job's end; CPU is user and system time of all daemons in that time; rows
    are those that the sources gave.
    """
    with cluster.Cluster("bench-" + name, taskmanagers=0, slots=slots) as c:
        for number in range(1, taskmanagers + 1):
            c.add_taskmanager("tm-%d" % number, settings=settings).start()
        c.wait_taskmanagers(taskmanagers)
        path = c.write("job.yaml", job(c) if callable(job) else job)
        before = [machine.cpu_seconds(p) for p in c.processes()]
        began = time.monotonic()
        done = c.cli("submit", path, "-o", "json", deadline=deadline, expect=(0, 1))
        seconds = time.monotonic() - began
        cpu = [machine.cpu_seconds(p) - b for p, b in zip(c.processes(), before)]
        status = json.loads(done.stdout)
        if status["state"] != "FINISHED":
            raise cluster.Failure("%s is %s: %s" % (name, status["state"], status["failure"]))
        figures = {"seconds": seconds, "rows": status["rows_in"], "rows_out": status["rows_out"],
                   "cpu_seconds": sum(cpu), "cpu_of_taskmanagers": sum(cpu[1:]),
                   "peak_memory_mb": sum(machine.memory_mb(p, "VmHWM") for p in c.taskmanagers),
                   "peak_memory_of_all_mb": sum(machine.memory_mb(p, "VmHWM") for p in c.processes()),
                   "checkpoints": status["checkpoints_completed"], "attempt": status["attempt"]}
        rates(figures)
        if check:
            check(c, status)
        return figures


def rates(figures):
    """Adds what is compared: CPU per million rows, rows per second, rows per second of one core that is fully used."""
    rows, cpu = max(figures["rows"], 1), max(figures["cpu_seconds"], 1 / machine.TICKS)
    figures["cpu_per_million"] = cpu / rows * 1e6
    figures["rows_per_second"] = rows / figures["seconds"]
    figures["rows_per_core_second"] = rows / cpu
    figures["cores_used"] = cpu / figures["seconds"]
    return figures


def medians(runs):
    """The median of every number of some runs of the same thing."""
    return {k: statistics.median(r[k] for r in runs) for k, v in runs[0].items()
            if isinstance(v, (int, float)) and all(k in r for r in runs)}
