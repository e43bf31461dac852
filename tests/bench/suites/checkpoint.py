"""What a checkpoint costs: pause, duration and bytes against the size of the state and the part that changed."""
import figures
import state_tool
from figures import Figure, Result, Table

SIZES_MB = (10, 100, 500, 2000)
DIRTY_PERCENT = (1, 10, 100)
COLUMNS = ["state", "changed", "pause p50, ms", "pause p99, ms", "written p50, ms", "bytes / changed bytes", "restore, CPU s"]


def rounds(megabytes, percent):
    """Enough that new bases are among them: the deltas must exceed the state."""
    return int(min(250, max(12, 2.2 * max(megabytes, 64) / (megabytes * percent / 100))))


def sizes(options):
    """Entries of 73 bytes, changed at random; state in memory, checkpoints in files."""
    result, rows, found = {}, [], []
    for megabytes in SIZES_MB:
        for percent in DIRTY_PERCENT:
            got = state_tool.run("checkpoint", megabytes, percent, rounds(megabytes, percent), "memory")
            name = "%d MB, %d %%" % (megabytes, percent)
            result[name] = got
            figures.say(name, got)
            rows.append(["%d MB" % megabytes, "%d %%" % percent, got["sync_ms_p50"], got["sync_ms_p99"],
                         got["write_ms_p50"], got["written_per_dirty"], got["restore_cpu_s"]])
            if (megabytes, percent) == (2000, 1):
                found.append(Figure("2 GB of state, 1 % changed: bytes written / bytes changed", got["written_per_dirty"],
                                    "<=", 3.0))
    return result, found, [Table("Checkpoints against the size of the state", COLUMNS, rows)]


def pause(options):
    """1 M changed keys a second at an interval of 100 ms: 100 000 keys at each barrier."""
    got = state_tool.run("checkpoint", 500, 0, 150, "memory", 100_000)
    figures.say("pause", got)
    return got, [Figure("100 K changed keys a barrier: pause p50, ms (CPU)", got["sync_ms_p50"], "<=", 5.0),
                 Figure("  p99, ms", got["sync_ms_p99"]),
                 Figure("  bytes written / bytes changed", got["written_per_dirty"])], []


PARTS = {f.__name__: f for f in (pause, sizes)}


def measure(options):
    result = Result(setting={"entry bytes": 73, "storage": "files"})
    for name in options.parts(PARTS):
        result.details[name], found, tables = PARTS[name](options)
        result.figures += found
        result.tables += tables
    return result
