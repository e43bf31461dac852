"""What a restart costs: kill -9 of each daemon to RUNNING and to new output; reading the state's checkpoint back, by size."""
import figures
import kill_job
import state_tool
from figures import Figure, Result, Table

SIZES_MB = (100, 500, 1000)
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
    for backend in ("memory", "rocksdb"):
        for megabytes in SIZES_MB:
            name = "%s, %d MB" % (backend, megabytes)
            # The budget is 256 MB: with RocksDB most of the larger states lies in the database.
            got = state_tool.run("checkpoint", megabytes, 10, 12, backend)
            details[name] = got
            figures.say(name, got)
            rows.append([name, got["restore_cpu_s"], got["restore_wall_s"], megabytes / got["restore_cpu_s"], got["deltas"],
                         got["base_files"]])
    return details, [], [Table("Restoring a state by itself: entries of 73 bytes, 10 % changed at each of 12 checkpoints", [
        "state", "CPU s", "wall s", "MB/s of CPU", "deltas", "files of the base"], rows)]


PARTS = {f.__name__: f for f in (kill, restore)}


def measure(options):
    result = Result(setting={"storage": "files", "memory of a TaskManager": kill_job.MEMORY})
    for name in options.parts(PARTS):
        result.details[name], found, tables = PARTS[name](options)
        result.figures += found
        result.tables += tables
    return result
