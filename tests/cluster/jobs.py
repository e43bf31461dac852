"""Job files for tests, made from the one that users start with."""
import os
import re

from cluster import ROOT

FRAUD_ALERT = os.path.join(ROOT, "deploy", "jobs", "fraud-alert.yaml")


def fraud_alert(transactions, alerts, name="fraud-alert", parallelism=4, interval="200ms", rate=None, checkpoint="",
                guarantee="exactly_once", max_attempts=100000):
    """The text of deploy/jobs/fraud-alert.yaml with the settings of a test."""
    with open(FRAUD_ALERT, encoding="utf-8") as file:
        text = file.read()

    def replace(pattern, replacement):
        nonlocal text
        text, count = re.subn(pattern, lambda _: replacement, text, flags=re.MULTILINE)
        assert count == 1, (pattern, count)

    replace(r"^name: .*$", "name: " + name)
    replace(r"^parallelism: .*$", "parallelism: %d" % parallelism)
    replace(r"^guarantee: .*$", "guarantee: " + guarantee)
    replace(r"^checkpoint: .*$",
            "checkpoint: {interval: %s%s}\n"
            "restart: {strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: %d}"
            % (interval, ", " + checkpoint if checkpoint else "", max_attempts))
    replace(r"^    path: \$\{env:WEIR_TRANSACTIONS.*$",
            "    path: %s%s" % (transactions, "\n    rate: %d/s" % rate if rate else ""))
    replace(r"^    path: \$\{env:WEIR_ALERTS.*$", "    path: " + alerts)
    return text


def endless(name, parallelism=1, interval="200ms", rate=1000):
    """A job without an end and without results: for the verbs."""
    return """version: 1
name: %s
parallelism: %d
checkpoint: {interval: %s}
sources:
  numbers:
    type: generator
    rate: %d/s
    fields: {n: sequence(), key: "random_int(1, 100)", ts: timestamp_millis(sequence())}
    event_time: {field: ts, max_delay: 1s}
operators:
  per_key: {type: window_aggregate, input: numbers, key_by: [key], window: {tumbling: 1s}, aggregate: {rows: count(*)}}
sinks:
  nowhere: {type: discard, input: per_key}
""" % (name, parallelism, interval, rate)
