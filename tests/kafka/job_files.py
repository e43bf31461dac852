"""Job files for tests against a broker, the input that feeds them, and the verdict of the verifier."""
import json
import os
import re
import subprocess
import sys
import threading
import time

import cluster
import environment
from cluster import Failure

FRAUD_ALERT = os.path.join(environment.ROOT, "deploy", "jobs", "fraud-alert-kafka.yaml")
RESTART = "restart: {strategy: exponential, initial_delay: 50ms, max_delay: 500ms, max_attempts: %d}"
KEYS = 17

HEAD = """version: 1
name: {name}
parallelism: {parallelism}
guarantee: {guarantee}
checkpoint: {{interval: {interval}, timeout: {timeout}{checkpoint}}}
{restart}
sources:
"""
KAFKA_SOURCE = """  numbers:
    type: kafka
    brokers: {brokers}
    topics: [{source_topic}]
    start: earliest
{source_options}    format: {{type: json{on_error}}}
    schema: {{{schema}}}
"""
PLAIN = "id: bigint not null, key: string not null"
PADDED = PLAIN + ", padding: string not null"
GENERATOR = """  numbers:
    type: generator
    rows: {rows}
    rate: {rate}/s
    fields: {{id: sequence(), key: "'k'"}}
"""
KAFKA_SINK = """sinks:
  out:
    type: kafka
    input: numbers
    brokers: {brokers}
    topic: {topic}
    key: key
{sink_options}    format: {{type: json}}
"""


def indented(options):
    return "".join("    %s: %s\n" % (k, v) for k, v in (options or {}).items())


def passing(brokers, topic, source_topic=None, name="pass", rows=None, rate=5000, parallelism=2, interval="200ms",
            timeout="30s", guarantee="exactly_once", max_attempts=100000, source=None, sink=None, checkpoint="", on_error="",
            both=None, schema=PLAIN):
    """Records with ids from a topic, or from the generator, to a topic. source, sink, both: further options."""
    source, sink = dict(both or {}, **(source or {})), dict(both or {}, **(sink or {}))
    return (HEAD + (KAFKA_SOURCE if source_topic else GENERATOR) + KAFKA_SINK).format(
        name=name, parallelism=parallelism, guarantee=guarantee, interval=interval, timeout=timeout,
        checkpoint=", " + checkpoint if checkpoint else "", restart=RESTART % max_attempts, brokers=brokers,
        source_topic=source_topic, topic=topic, rows=rows, rate=rate, source_options=indented(source),
        schema=schema, sink_options=indented(sink), on_error=", on_error: " + on_error if on_error else "")


def fraud_alert(brokers, transactions="transactions", alerts="alerts", name="fraud-alert", parallelism=2,
                interval="200ms", rate=None, max_attempts=100000):
    """deploy/jobs/fraud-alert-kafka.yaml with the settings of a test."""
    with open(FRAUD_ALERT, encoding="utf-8") as file:
        text = file.read()

    def replace(pattern, replacement, times=1):
        nonlocal text
        text, count = re.subn(pattern, lambda _: replacement, text, flags=re.MULTILINE)
        assert count == times, (pattern, count)

    replace(r"^name: .*$", "name: " + name)
    replace(r"^parallelism: .*$", "parallelism: %d" % parallelism)
    replace(r"^checkpoint: .*$", "checkpoint: {interval: %s, timeout: 30s}\n" % interval + RESTART % max_attempts)
    replace(r"^    brokers: .*$", "    brokers: " + brokers, 2)
    replace(r"^    topics: .*$", "    topics: [%s]%s" % (transactions, "\n    rate: %d/s" % rate if rate else ""))
    replace(r"^    topic: .*$", "    topic: " + alerts)
    return text


def record(number, padding=0):
    """padding: so many more bytes, in a field of their own (see PADDED)."""
    key = "k%d" % (number % KEYS)
    row = {"id": number, "key": key}
    if padding:
        row["padding"] = "x" * padding
    return key, json.dumps(row)


def producer(brokers, **settings):
    from confluent_kafka import Producer
    return Producer(dict({"bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 5, "log_level": 0},
                         **settings))


def load(brokers, topic, count, first=0):
    """Records first ... first + count - 1, all of a key in one partition and in order."""
    client = producer(brokers)
    for number in range(first, first + count):
        key, value = record(number)
        while True:
            try:
                client.produce(topic, value, key=key)
                break
            except BufferError:
                client.poll(0.1)
    if client.flush(120):
        raise Failure("%s did not take all records within 120 s" % topic)


class Feeder:
    """Writes records at a steady rate in the background until stopped; then `count` tells how many there are."""

    def __init__(self, brokers, topic, rate=3000, padding=0):
        self.brokers, self.topic, self.rate, self.padding = brokers, topic, rate, padding
        self.count = 0
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def stop(self):
        """How many records are in the topic, all of them acknowledged."""
        self._stop.set()
        self._thread.join(180)
        if self._thread.is_alive() or self._error:
            raise Failure("the feeder of %s did not end well: %s" % (self.topic, self._error))
        return self.count

    def _feed(self):
        try:
            # A broker may be away for a while; idempotence keeps the order and lets nothing come twice.
            client = producer(self.brokers, **{"message.timeout.ms": 170_000})
            began = time.monotonic()
            while not self._stop.is_set():
                due = int((time.monotonic() - began) * self.rate)
                # Behind by much, as after the broker was away: not all at once.
                for _ in range(min(due - self.count, self.rate)):
                    key, value = record(self.count, self.padding)
                    try:
                        client.produce(self.topic, value, key=key, on_delivery=self._delivered)
                    except BufferError:
                        break
                    self.count += 1
                client.poll(0)
                time.sleep(0.01)
            if client.flush(170):
                self._error = "records are left"
        except Exception as error:  # pylint: disable=broad-except
            self._error = error

    def _delivered(self, error, _):
        if error is not None:
            self._error = error


def verify(brokers, topic, ids=None, expected=None, wait=60, order_by="key", at_least_once=False):
    """The verifier, in a process of its own. Returns what it said; anything but exactly once is a failure."""
    arguments = [sys.executable, os.path.join(environment.HERE, "verifier.py"), "--brokers", brokers, "--topic", topic,
                 "--wait", str(wait * cluster.DEADLINE / 60)]
    if ids is not None:
        arguments += ["--ids", str(ids), "--order-by", order_by]
    else:
        arguments += ["--expected", expected]
    if at_least_once:
        arguments.append("--at-least-once")
    for _ in range(6):
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode != 3:  # the topic cannot be read: a broker on a loaded machine may lose its lease for a moment
            break
        time.sleep(3)
    said = done.stdout.strip()
    if done.returncode != 0:
        raise Failure("verifier: exit code %d\n%s\n%s" % (done.returncode, said, done.stderr[-2000:]))
    return said


def check_no_residue(broker, what, seconds=60, prefix=""):
    """Within this time no transaction of ours is open."""
    import wire
    cluster.wait_until(lambda: not wire.list_transactions(broker.direct, prefix=prefix),
                       "no open transaction is left " + what, seconds * cluster.DEADLINE / 60)
