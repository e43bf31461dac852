"""Flink 2.3 with RocksDB state, exactly once, set up as the published Nexmark runs have it (flink_cluster.SETTINGS)."""
import collections
import os
import re
import shutil
import subprocess

import results
from peer import flink_cluster, flink_results

_cluster = None
SOURCES = {
    "person": "id BIGINT, name STRING, email_address STRING, credit_card STRING, city STRING, `state` STRING",
    "auction": "id BIGINT, item_name STRING, description STRING, initial_bid BIGINT, reserve BIGINT, expires BIGINT, "
               "seller BIGINT, category BIGINT",
    "bid": "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING",
}


def versions():
    return {"Flink": flink_cluster.VERSION}


def stop():
    global _cluster
    if _cluster is not None:
        _cluster.stop()
        _cluster = None


def flink(slots):
    """The one cluster, which stays warm from run to run."""
    global _cluster
    if _cluster is None or _cluster.slots != slots:
        stop()
        _cluster = flink_cluster.FlinkCluster(slots)
    return _cluster


def files(path):
    return "('connector' = 'filesystem', 'path' = 'file://%s', 'format' = 'json')" % path


def interval(text):
    return {"execution.checkpointing.interval": text}


# ---- Nexmark

def _queries():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "flink_nexmark.sql"), encoding="utf-8") as file:
        parts = re.split(r"^-- (q\d+)\n", file.read(), flags=re.MULTILINE)
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2])}


# Each change of their results replaces a row.
UPDATING = ("q18", "q19")
# Whose results are compared, but not what they cost: q13 is a lookup, and Flink has none in a file. Its regular join gives the same
# rows, but keeps every bid.
UNTIMED = ("q13",)
# Windows of processing time that are open when a bounded input ends are never told. So the input lasts until they are over.
BY_THE_CLOCK = {"q12": [
    "CREATE TEMPORARY TABLE wait (bidder BIGINT, p_time AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '1', "
    "'fields.bidder.kind' = 'sequence', 'fields.bidder.start' = '1', 'fields.bidder.end' = '30')",
    "DROP TEMPORARY VIEW bid",
    "CREATE TEMPORARY VIEW bid AS SELECT bidder, p_time FROM bid_file UNION ALL SELECT bidder, p_time FROM wait WHERE bidder < 0"]}


def has_query(query):
    return query in _queries()


def is_timed(query):
    return has_query(query) and query not in UNTIMED


def nexmark(query, export, rows, parallelism, checkpoint):
    """One run of a query over exported events into a sink that discards."""
    return _insert(_sources(export, parallelism), "CREATE TABLE nowhere WITH ('connector' = 'blackhole') AS " +
                   _queries()[query], rows, parallelism, checkpoint)


def nexmark_results(query, export, parallelism, folder):
    """Runs a query over exported events; its results come into a folder as Weir's CSV files."""
    running = flink(parallelism)
    out = os.path.join(running.folder, "results-" + query)
    shutil.rmtree(out, ignore_errors=True)
    form = "debezium-json" if query in UPDATING else "json"
    side = "CREATE TEMPORARY TABLE side_input (`key` BIGINT, `value` STRING) WITH " + files(export.side_input())
    _insert(_sources(export, parallelism) + [side] + BY_THE_CLOCK.get(query, []), "CREATE TABLE results WITH ('connector' = 'filesystem', 'path' = 'file://%s', "
            "'format' = '%s') AS %s" % (out, form, _queries()[query]), 1, parallelism, "10s")
    flink_results.write_csv(folder, *flink_results.rows(out, query in UPDATING))
    shutil.rmtree(out, ignore_errors=True)


def _sources(export, parallelism):
    statements = []
    for stream, columns in SOURCES.items():
        # The computed column has the name that the queries use; the file's own field is read under it as a number.
        statements.append(
            "CREATE TEMPORARY TABLE %s_file (%s, date_time BIGINT, extra STRING, ts AS TO_TIMESTAMP_LTZ(date_time, 3), "
            "p_time AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH %s"
            % (stream, columns, files(export.dealt(stream, parallelism))))
        names = [c.split()[0] for c in columns.split(", ")]
        statements.append("CREATE TEMPORARY VIEW %s AS SELECT %s, ts AS date_time, extra, p_time FROM %s_file"
                          % (stream, ", ".join(names), stream))
    return statements


def _insert(statements, insert, rows, parallelism, checkpoint):
    return flink(parallelism).run(statements + [insert], rows, dict(interval(checkpoint),
                                                                     **{"parallelism.default": str(parallelism)}))


# ---- the fraud job: over a file into files, and from Kafka to Kafka, where there is also the copying job

TRANSACTIONS = ("CREATE TEMPORARY TABLE transactions (`user` STRING, amount DECIMAL(12, 2), ts BIGINT, "
                "t AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR t AS t - INTERVAL '5' SECOND) WITH ")
ALERTS = "(`user` STRING, window_start BIGINT, tx_count BIGINT)"
# In milliseconds, as Weir writes it.
FRAUD = """SELECT `user`, CAST(TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start) AS BIGINT) * 1000, tx_count
FROM (SELECT `user`, window_start, COUNT(*) AS tx_count
      FROM TABLE(TUMBLE(TABLE transactions, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY `user`, window_start, window_end)
WHERE tx_count > 10"""


def fraud_file(path, rows, expected, options):
    """Runs the job once; what it wrote is compared with the alerts that are expected."""
    running = flink(options.parallelism)
    out = os.path.join(running.folder, "alerts")
    shutil.rmtree(out, ignore_errors=True)
    got = _insert([TRANSACTIONS + files(_dealt(path, options.parallelism)),
                   "CREATE TEMPORARY TABLE alerts %s WITH %s" % (ALERTS, files(out))],
                  "INSERT INTO alerts " + FRAUD, rows, options.parallelism, options.interval or "1s")
    results.check_exactly_once(expected, collections.Counter(
        (r["user"], r["window_start"], r["tx_count"]) for r in results.committed_rows(out)))
    return got


def _dealt(path, count):
    """A folder with the file's rows in `count` files, in turns, so that every subtask has one to read."""
    folder = "%s-by-%d" % (path, count)
    if not os.path.isdir(folder):
        os.makedirs(folder + ".new", exist_ok=True)
        subprocess.run(["split", "-n", "r/%d" % count, "-d", "--additional-suffix=.jsonl", path,
                        os.path.join(folder + ".new", "part-")], check=True)
        os.rename(folder + ".new", folder)
    return folder


def kafka(broker, name, number, rows, options):
    """One run of `fraud` or `pass` from the topic `transactions`; returns what it took and the topic it wrote."""
    output = broker.topic("flink-%s-%s" % (name, number))
    common = "'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = " % broker.address
    source = "(%s'transactions', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', " % common
    sink = ("(%s'%s', 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '%s', "
            "'properties.transaction.timeout.ms' = '600000', " % (common, output, output))
    if name == "pass":
        statements = ["CREATE TEMPORARY TABLE lines (line BYTES) WITH %s'format' = 'raw')" % source,
                      "CREATE TEMPORARY TABLE copy (line BYTES) WITH %s'format' = 'raw')" % sink]
        insert = "INSERT INTO copy SELECT line FROM lines"
    else:
        statements = [TRANSACTIONS + source + "'format' = 'json')",
                      "CREATE TEMPORARY TABLE alerts %s WITH %s'format' = 'json')" % (ALERTS, sink)]
        insert = "INSERT INTO alerts " + FRAUD
    return _insert(statements, insert, rows, options.parallelism, options.interval or "1s"), output


def wordcount(path, words, expected, options):
    """Words of a file, counted per word and 10 seconds of event time, into files, which are compared with what is expected."""
    running = flink(options.parallelism)
    out = os.path.join(running.folder, "counts")
    shutil.rmtree(out, ignore_errors=True)
    got = _insert(["CREATE TEMPORARY TABLE words (word STRING, ts BIGINT, t AS TO_TIMESTAMP_LTZ(ts, 3), "
                   "WATERMARK FOR t AS t - INTERVAL '1' SECOND) WITH " + files(_dealt(path, options.parallelism)),
                   "CREATE TEMPORARY TABLE counted (word STRING, window_start TIMESTAMP(3), n BIGINT) WITH " + files(out)],
                  "INSERT INTO counted SELECT word, window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE words, DESCRIPTOR(t), "
                  "INTERVAL '10' SECOND)) GROUP BY word, window_start, window_end",
                  words, options.parallelism, options.interval or "1s")
    results.check_exactly_once(collections.Counter(expected), collections.Counter(
        {(r["word"], flink_results.millis(r["window_start"])): r["n"] for r in results.committed_rows(out)}))
    return got
