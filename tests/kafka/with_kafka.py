#!/usr/bin/env python3
"""The README's section "With Kafka", command by command, and what it must show."""
import environment  # pylint: disable=unused-import

import collections
import json
import os
import shutil

import cluster
import results
from cluster import BINARY, ROOT, WORK, Failure, free_port, main, run

ROWS = 100_000


def readme():
    folder = os.path.join(WORK, "with-kafka")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    transactions = results.transactions(os.path.join(folder, "transactions.jsonl"), ROWS, seed=2, suspect_share=0.05)
    port = free_port()
    environ = dict(os.environ, KAFKA_BROKERS="127.0.0.1:%d" % port, WEIR_TRANSACTIONS=transactions)
    options = ["--dir", os.path.join(folder, "broker"), "--port", str(port)]

    def kafka(verb, *arguments):
        return run([os.path.join(ROOT, "deploy", "local-kafka.sh"), verb] + options + list(arguments), cwd=ROOT).stdout

    def job(name):
        return run([BINARY, "run", os.path.join(ROOT, "deploy", "jobs", name)], env=environ, cwd=ROOT,
                   deadline=3 * cluster.DEADLINE)
    kafka("up", "transactions:2", "alerts:2")
    try:
        job("load-transactions.yaml")
        job("fraud-alert-kafka.yaml")
        lines = [line for line in kafka("read", "alerts").splitlines() if line.startswith("{")]
        found = collections.Counter((r["user"], r["window_start"], r["tx_count"]) for r in map(json.loads, lines))
        expected = results.expected_alerts(transactions)
        print("with_kafka: " + results.verdict(expected, found), flush=True)
        results.check_exactly_once(expected, found)
        if "alerts" not in kafka("status"):
            raise Failure("status does not list the topics")
        kafka("up")  # once more is harmless
    finally:
        kafka("down", "--wipe")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main([readme])
