"""What a restart costs: kill -9 of each daemon to RUNNING and to new output; reading the state's checkpoint back, by size."""
import figures
import kill_job
import state_tool
from figures import Figure, Result, Table

RESTORED = ((100, 4000), (500, 4000), (1000, 4000), (1000, 1000), (1000, 400))  # MB of state and of the budget, a quarter of it the database's
KILLED_MB = (10, 1000)


def kill(options):
    """A keyed job with spare slots elsewhere; the JobManager is started again at once, while tasks run on."""
    details, found, rows = {}, [], []
    for megabytes in KILLED_MB:
        runs = details["%d MB" % megabytes] = kill_job.measure(megabytes, options.repeats or 3)
        for what, ones in runs.items():
            running, output = kill_job.medians(ones)
            found += [Figure("%d MB of state, kill -9 of a %s: to RUNNING, ms (median)" % (megabytes, what), running),
                      Figure("  to the first new output, ms", output)]
            rows.append(["%d MB" % megabytes, what, running, output, max(o["output_ms"] for o in ones)])
    return details, found, [Table("kill -9 in a keyed job, checkpoint 200 ms, state in memory", [
        "state", "killed", "to RUNNING, ms", "to new output, ms", "the worst"], rows)]


def restore(_):
    details, rows = {}, []
    for megabytes, budget in RESTORED:
        name = "%d MB with a budget of %d MB" % (megabytes, budget)
        got = details[name] = state_tool.run("restore", megabytes, budget, 10, 12)
        figures.say(name, got)
        rows.append(["%d MB" % megabytes, "%d MB" % budget, got["restore_cpu_s"], got["restore_wall_s"], got["read_mb"],
                     got["read_mb"] / got["restore_cpu_s"], got["deltas"], got["base_files"]])
    return details, [], [Table("Restoring a state by itself: entries of 73 bytes, 10 % changed at each of 12 checkpoints", [
        "state", "budget", "CPU s, all threads", "wall s", "MB read", "MB/s of CPU", "deltas", "files of the base"], rows)]


PARTS = {f.__name__: f for f in (kill, restore)}


def measure(options):
    result = Result(setting={"storage": "files", "memory of a TaskManager": kill_job.MEMORY})
    for name in options.parts(PARTS):
        result.details[name], found, tables = PARTS[name](options)
        result.figures += found
        result.tables += tables
    return result
