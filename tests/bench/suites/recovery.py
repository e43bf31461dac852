"""What a restart costs: reading the state's checkpoint back, by size; the gap in the output is in suite latency."""
import figures
import state_tool
from figures import Result, Table

SIZES_MB = (100, 500, 1000)


def measure(options):
    result = Result(setting={"entry bytes": 73, "storage": "files", "changed since the base": "10 % a checkpoint, 12 of them"})
    rows = []
    for backend in ("memory", "rocksdb"):
        for megabytes in SIZES_MB:
            name = "%s, %d MB" % (backend, megabytes)
            if options.only and backend not in options.only:
                continue
            # The budget is 256 MB: with RocksDB most of the larger states lies in the database.
            got = state_tool.run("checkpoint", megabytes, 10, 12, backend)
            result.details[name] = got
            figures.say(name, got)
            rows.append([name, got["restore_cpu_s"], got["restore_wall_s"], megabytes / got["restore_cpu_s"], got["deltas"],
                         got["base_files"]])
    result.tables.append(Table("Restoring a state", ["state", "CPU s", "wall s", "MB/s of CPU", "deltas", "files of the base"],
                               rows))
    return result
