"""The fraud job against a broker: the loader that fills its input, and what must come out, made by Python from that input."""
import collections
import json
import os
import signal
import subprocess

import cluster

LOADER = os.path.join(os.path.dirname(cluster.BINARY), "tests", "bench", "weir_kafka_load")
MINUTE_MILLIS = 60_000


class Loader:
    """Fills a topic at a steady rate until stopped; then it closes the windows."""

    def __init__(self, brokers, topic, log, rate=2000, seed=1):
        self.log = log
        self._command = [LOADER, "--brokers", brokers, "--topic", topic, "--partitions", "2", "--rate", str(rate), "--users",
                         "1000", "--per-second", "200", "--closers", "3", "--seed", str(seed)]
        self._process = None

    def __enter__(self):
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def alive(self):
        return self._process.poll() is None

    def stop(self):
        """How many records and closers are in the topic."""
        self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=120)
        if self._process.returncode != 0:
            raise cluster.Failure("the loader: %s\n%s" % (cluster.describe_exit(self._process.returncode),
                                                          cluster.tail(self.log)))
        return json.loads(out)


def read_all(brokers, topic):
    """The values of a topic, of all partitions, as far as it is committed now."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True, "log_level": 0})
    partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    lines, ends = [], set()
    while len(ends) < len(partitions):
        for message in consumer.consume(10_000, 1.0):
            if message.error() is None:
                lines.append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ends.add(message.partition())
    consumer.close()
    return lines


def expected_alerts(lines):
    """More than 10 rows of a user in a minute. The closers' minutes have too few, so all windows that count are closed."""
    counts = collections.Counter()
    for line in lines:
        row = json.loads(line)
        counts[row["user"], row["ts"] // MINUTE_MILLIS] += 1
    return [json.dumps({"user": user, "window_start": minute * MINUTE_MILLIS, "tx_count": count}).encode()
            for (user, minute), count in counts.items() if count > 10]


def write_lines(path, lines):
    with open(path, "wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return path
