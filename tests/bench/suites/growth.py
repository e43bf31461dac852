"""How throughput holds while the number of keys grows: in memory from 10 K to 10 M, and beyond the memory budget."""
import statistics

import figures
import growth_job
import job_run
import state_tool
from figures import Figure, Result, Table

EVENTS = 100_000_000  # so many that entries are changed and not made
ROUNDS = 5
NEAR, FAR = (16, 16), (180 << 10, 240 << 10)  # KB that are read and changed: cached ones; as for 10 M keys
KEYS = (10_000, 1_000_000, 10_000_000)
SPILLED = (50_000_000, 1024, 8_000_000)  # keys, budget in MB, operations
DRAWN = 80_000_000  # rows of the job, after each key has come once


def job(options):
    """Counts of made events by keys that follow no order; the windows end with the input. One subtask: with more, few keys
    are aggregated before the exchange and many are not, and it would be the exchange that is compared. Compared are the last
    three quarters of the rows, which change entries and seldom make one. The machine's memory and its processor get faster and
    slower on their own, from minute to minute: so a round has each number of keys, and the figure is the median of the
    rounds' ratios. Beside it, in each round, what the machine takes for two random lines of as much memory as the index and the
    rows of 10 M keys are, above what it takes in its caches: nothing that looks a key up and changes a row takes less."""
    runs, lines = {keys: [] for keys in KEYS}, []
    for _ in range(options.repeats or ROUNDS):
        near, far = (state_tool.run("lines", *kilobytes, 8_000_000)["lines_ns"] for kilobytes in (NEAR, FAR))
        lines.append(far - near)
        figures.say("two random lines", {"cached_ns": near, "ns": far})
        for keys in KEYS:
            runs[keys].append(growth_job.run_random(keys, options.events or EVENTS, "6GiB", options.interval or "10s"))
            figures.say("%d keys" % keys, runs[keys][-1])
    rows = []
    for keys in KEYS:
        got = job_run.medians(runs[keys])
        shares = [100 * few["steady_ns"] / many["steady_ns"] for few, many in zip(runs[KEYS[0]], runs[keys])]
        share = statistics.median(shares)
        rows.append([keys, got["rows_per_second"], got["whole_ns"], got["steady_ns"], 1e9 / got["steady_ns"], share,
                     "%.0f to %.0f" % (min(shares), max(shares)), got["peak_memory_mb"]])
    bare = statistics.median(100 * few["steady_ns"] / (few["steady_ns"] + ns) for few, ns in zip(runs[KEYS[0]], lines))
    return {"runs": runs, "lines_ns": lines}, [
        Figure("10 M keys in memory: rows/s per core, % of that of 10 K keys", share, ">=", 60),
        Figure("  if a row took nothing more than two random lines (%.0f ns) above 10 K keys, %%" % statistics.median(lines), bare)], [
        Table("Count per key in a job, medians; ns of CPU a row",
              ["keys", "rows/s", "whole run", "when the keys are there", "rows/s per core", "% of 10 K", "of the rounds",
               "TaskManager MB"], rows)]


def state(_):
    """The state by itself: updates of keys drawn at random."""
    got = {keys: state_tool.run("growth", keys, 6000, 8_000_000) for keys in KEYS}
    for keys, one in got.items():
        figures.say("%d keys" % keys, one)
    return got, [], [Table("Updates of the state by itself", ["keys", "ns an update (CPU)", "MB"],
                           [[k, g["state_ns"], g["anonymous_mb"]] for k, g in got.items()])]


def spill(_):
    """The state by itself, most of the keys on disk: counted for the first time, then mostly those that came last, then all alike."""
    keys, budget, operations = SPILLED
    few = state_tool.run("growth", KEYS[0], budget, operations)["uniform_ns"]
    got = state_tool.run("growth", keys, budget, operations)
    figures.say("50 M keys, budget 1 GB", got)
    drawn = (("each for the first time", "fill_ns"), ("15 of 16 among the last 64th", "recent_ns"), ("all alike", "uniform_ns"))
    found = [Figure("50 M keys, budget 1 GB, %s: updates/s per core" % name, 1e9 / got[field]) for name, field in drawn]
    found.append(Figure("  memory that is not the page cache's, MB", got["anonymous_mb"], "<=", 1100))
    rows = [[name, got[field], 1e9 / got[field], 100 * few / got[field]] for name, field in drawn]
    return {"few": few, "spilled": got}, found, [
        Table("50 M counts with 1 GB, %d MB of which are memory" % got["anonymous_mb"],
              ["keys drawn", "ns an update (CPU, with the database's threads)", "updates/s per core", "% of 10 K keys"], rows)]


def spill_job(options):
    """A job with more keys than its TaskManager's memory holds: each for the first time, then 15 of 16 rows have one of the
    youngest 64th, one any there is, and every 16th row makes a new one. Beside it the same job with 10 K keys. The figure
    is of the rows from when the database has merged what was made."""
    keys, budget, _ = SPILLED
    interval = options.interval or "10s"
    few = growth_job.run(KEYS[0], DRAWN, KEYS[0], "%dMiB" % budget, interval)
    figures.say("%d keys, a job" % KEYS[0], few)
    many = growth_job.run(keys, DRAWN, 2 * keys, "%dMiB" % budget, interval)
    figures.say("%d keys, a job" % keys, many)
    found = [Figure("50 M keys, memory 1 GiB, a job, keys as streams draw them: rows/s per core, % of that of 10 K keys",
                    100 * few["draw_ns"] / many["draw_ns"], ">=", 15),
             Figure("  memory of the TaskManager that is not the page cache's, MB", many["anonymous_mb"], "<=", budget)]
    rows = [[name, one["keys"], one["make_ns"], one["make_ns"] and one["settle_rows"], one["settle_ns"], one["draw_ns"], 1e9 / one["draw_ns"],
             one["whole_ns"], one["anonymous_mb"]] for name, one in (("10 K", few), ("50 M", many))]
    return {"few": few, "many": many}, found, [
        Table("A job beyond its memory, 1 GiB; ns of CPU a row",
              ["keys", "in the end", "keys come to be", "rows until that is merged", "keys drawn, until then", "keys drawn, after that",
               "rows/s per core", "whole run with its results", "MB not the page cache's"], rows)]


PARTS = {f.__name__: f for f in (job, state, spill, spill_job)}


def measure(options):
    result = Result(setting={"events": options.events or EVENTS, "parallelism": 1})
    for name in options.parts(PARTS):
        result.details[name], found, tables = PARTS[name](options)
        result.figures += found
        result.tables += tables
    return result
