#!/usr/bin/env python3
"""Our own protocol client against a real broker: a transaction whose producer is gone is described, committed (twice),
fenced and read from the log; certificates and rights that are not as they should be are told."""
import environment  # pylint: disable=unused-import

import json
import os
import subprocess
import sys

from cluster import Failure, main, run, wait_until
from kafka_broker import Broker
from security import KEY_PASSWORD, PASSWORD, PROBE, SECRETS, USER, Security

RECORDS = 500
# A producer that opens a transaction, flushes it, puts its marker in and is gone: no commit, no abort.
PRODUCER = """
import json, os, sys
from confluent_kafka import Consumer, Producer, TopicPartition
brokers, transactional_id, topic, checkpoint, count, compression = sys.argv[1:7]
offsets = []
producer = Producer({"bootstrap.servers": brokers, "transactional.id": transactional_id, "log_level": 0,
                     "compression.type": compression, "linger.ms": 20, "transaction.timeout.ms": 60000})
producer.init_transactions(60)
producer.begin_transaction()
for number in range(int(count)):
    producer.produce(topic, "value %d" % number, key="k%d" % (number % 7), partition=0,
                     headers=[("number", str(number))],
                     on_delivery=lambda error, message: offsets.append(None if error else message.offset()))
producer.flush(60)
assert len(offsets) == int(count) and None not in offsets, offsets
if int(checkpoint) > 0:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": transactional_id, "log_level": 0})
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, int(checkpoint), "marker of " + checkpoint)],
                                         consumer.consumer_group_metadata(), 60)
print(json.dumps([min(offsets), max(offsets)]), flush=True)
os._exit(0)
"""


class Prober:
    def __init__(self, address, *options, password=""):
        self.command = [PROBE, "--brokers", address] + [str(o) for o in options]
        self.environment = dict(os.environ, WEIR_KAFKA_PASSWORD=password)

    def run(self, *arguments):
        return subprocess.run(self.command + [str(a) for a in arguments], capture_output=True, text=True, check=False,
                              env=self.environment, timeout=120)

    def lines(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Failure("%s: %s" % (" ".join(str(a) for a in arguments), done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def one(self, *arguments):
        lines = self.lines(*arguments)
        expect(len(lines) == 1, "one answer to %s: %s" % (arguments, lines))
        return lines[0]

    def refused(self, arguments, *words):
        done = self.run(*arguments)
        expect(done.returncode == 1, "%s is refused: %s" % (arguments, done.stdout))
        for word in words:
            expect(word.lower() in done.stderr.lower(), "`%s` is told: %s" % (word, done.stderr))
        for secret in SECRETS:
            expect(secret not in done.stderr, "no secret is printed: " + done.stderr)
        print("  " + done.stderr.strip()[:300], flush=True)


def expect(condition, what):
    if not condition:
        raise Failure("not so: " + what)


def prepare(broker, transactional_id, topic, checkpoint, count=RECORDS, compression="none"):
    """First and last offset of a transaction that is prepared and left."""
    done = subprocess.run([sys.executable, "-c", PRODUCER, broker.direct, transactional_id, topic, str(checkpoint),
                           str(count), compression], capture_output=True, text=True, check=False, timeout=180)
    if done.returncode != 0:
        raise Failure("producer: " + done.stderr)
    return json.loads(done.stdout)


def committed_records(broker, topic):
    """What a read_committed reader sees up to the end of the topic."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": broker.direct, "group.id": "count", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True, "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values = []
    while True:
        message = consumer.poll(30)
        expect(message is not None, "the end of %s is reached" % topic)
        if message.error():
            break
        values.append(message.value().decode())
    consumer.close()
    return values


def transactions(version):
    with Broker("protocol-%d" % version, transaction_version=version) as broker:
        probe = Prober(broker.direct)
        topic = broker.create_topic("t")
        expect(probe.one("supported") is True, "the broker has what is needed")
        expect(len(probe.one("cluster-id")) > 10, "the cluster has an id")
        expect(len(probe.one("topic-id", topic)) == 32, "the topic has an id")
        probe.refused(["topic-id", "no-such-topic"], "UNKNOWN_TOPIC_OR_PARTITION")
        expect(probe.one("describe", "a/b/1") is None, "an id that nobody used is not known")
        first, last = prepare(broker, "a/b/1", topic, 17)
        state = probe.one("describe", "a/b/1")
        expect(state["state"] == "Ongoing" and state["timeout_ms"] == 60000, state)
        pid, epoch = state["producer_id"], state["epoch"]
        expect([t["transactional_id"] for t in probe.lines("list", "a/b/")] == ["a/b/1"], "it is listed")
        expect(probe.lines("list", "a/c/") == [], "by its prefix")
        expect(probe.one("--unstable", "marker", "a/b/1", topic, 0) is None, "its marker does not count yet")
        probe.refused(["--timeout-ms", 700, "marker", "a/b/1", topic, 0], "UNSTABLE_OFFSET_COMMIT")
        expect(committed_records(broker, topic) == [], "nothing is visible")
        expect(probe.one("commit", "a/b/1", pid, epoch + 1) == "uncertain", "a foreign epoch commits nothing")
        expect(probe.one("commit", "a/b/1", pid, epoch) == "committed", "it commits")
        expect(probe.one("commit", "a/b/1", pid, epoch) == "committed", "twice")
        marker = probe.one("marker", "a/b/1", topic, 0)
        expect(marker is not None and marker["checkpoint"] == 17, "the marker counts: %s" % marker)
        expect(committed_records(broker, topic) == ["value %d" % i for i in range(RECORDS)], "all is visible, once")
        expect(probe.one("describe", "a/b/1")["state"] == "CompleteCommit", "it is complete")
        times = sorted(int(t) for t in probe.lines("time-commit", "a/b/1", pid, epoch, 200)[1:])
        print("  a commit on a kept connection: p50 %d us, p99 %d us" % (times[100], times[197]), flush=True)
        read = probe.lines("read", topic, 0, first, last, pid, epoch)
        expect([r["value"] for r in read] == ["value %d" % i for i in range(RECORDS)], "the log gives them back")

        fenced = probe.one("fence", "a/b/1")
        expect((fenced["producer_id"], fenced["epoch"]) != (pid, epoch), "another epoch")
        expect(probe.one("commit", "a/b/1", pid, epoch) == "uncertain", "the old one is fenced")
        first, last = prepare(broker, "a/b/2", topic, 18)
        state = probe.one("describe", "a/b/2")
        probe.one("fence", "a/b/2")
        expect(probe.one("marker", "a/b/2", topic, 0) is None, "fenced while it was open: no marker")
        expect(probe.lines("list", "a/b/") == [], "nothing is open")
        read = probe.lines("read", topic, 0, first, last, state["producer_id"], state["epoch"])
        expect(len(read) == RECORDS, "what was aborted is still in the log")
        expect(len(committed_records(broker, topic)) == RECORDS, "and not visible")


def transactions_v2():
    """transaction.version 2, as new clusters of Kafka 4 have it."""
    transactions(2)


def transactions_v0():
    """transaction.version 0, as clusters of Kafka 3 have it."""
    transactions(0)


def log():
    """The log: each compression, of librdkafka and of Java; what is gone is told."""
    with Broker("protocol-log") as broker:
        probe = Prober(broker.direct)
        for compression in ("none", "gzip", "snappy", "lz4", "zstd"):
            topic = broker.create_topic("t-" + compression)
            first, last = prepare(broker, "c/" + compression, topic, 0, 2000, compression)
            prepare(broker, "other/" + compression, topic, 0, 10, compression)
            state = probe.one("describe", "c/" + compression)
            read = probe.lines("read", topic, 0, first, last + 10, state["producer_id"], state["epoch"])
            expect([r["value"] for r in read] == ["value %d" % i for i in range(2000)], compression)
            expect(all(r["headers"] == 1 for r in read), "headers")
            java = "j/" + compression
            run(broker.java("org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", "300",
                             "--record-size", "200", "--throughput", "-1", "--transactional-id", java,
                             "--producer-props", "bootstrap.servers=" + broker.direct,
                             "compression.type=" + compression))
            state = probe.one("describe", java)
            read = probe.lines("read", topic, 0, 0, last + 311, state["producer_id"], 0)
            expect(len(read) == 300, "300 records by Java, %s: %d" % (compression, len(read)))
        topic = "t-none"
        state = probe.one("describe", "c/none")
        arguments = ["read", topic, 0, first, last, state["producer_id"], state["epoch"]]
        probe.one("commit", "c/none", state["producer_id"], state["epoch"])
        probe.one("fence", "other/none")
        broker.delete_records(topic, 0, 100)
        probe.refused(arguments, "DATA_LOSS", topic, "partition 0", "100")
        expect(len(probe.run(*arguments).stdout.splitlines()) == 1900, "what is left is given out")
        probe.refused(["read", topic, 0, 10**6, 10**6 + 5, 1, 1], "DATA_LOSS", "the log holds")
        probe.refused(["read", topic, 7, 0, 5, 1, 1], "DATA_LOSS", "no such partition")
        broker.delete_topic(topic)
        probe.refused(arguments, "DATA_LOSS", "no such partition")


def certificates():
    """A name that is not the certificate's; a broker that wants a certificate of ours."""
    security = Security("protocol-certificates", listeners=("SSL",), client_auth="required")
    with Broker("protocol-certificates", security=security) as broker:
        ca = ("--tls", "--ca", security.path("ca.pem"))
        mine = ("--cert", security.path("client.pem"), "--key", security.path("client-locked.key"))
        address = broker.address_of("SSL")
        by_number = address.replace("localhost", "127.0.0.1")
        locked = dict(password=KEY_PASSWORD)
        Prober(address, *ca, *mine, "--key-password-from-environment", **locked).one("cluster-id")
        Prober(by_number, *ca, *mine, "--key-password-from-environment", "--no-hostname", **locked).one("cluster-id")
        Prober(by_number, *ca, *mine, "--key-password-from-environment", **locked).refused(
            ["cluster-id"], "UNAUTHENTICATED", "verify_hostname")
        Prober(address, *ca).refused(["cluster-id"], "UNAUTHENTICATED", "client certificate")
        Prober(address, *ca, *mine, "--key-password-from-environment", password="wrong").refused(
            ["cluster-id"], "key_password")
        Prober(address, "--tls").refused(["cluster-id"], "UNAUTHENTICATED", "ca: FILE")


def rights():
    """Rights that are missing are named."""
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
    security = Security("protocol-rights", listeners=("SASL_PLAINTEXT",), acls=True)
    with Broker("protocol-rights", security=security) as broker:
        topic = broker.create_topic("t")
        prepare(broker, "a/b/1", topic, 17)
        state = Prober(broker.direct).one("describe", "a/b/1")
        probe = Prober(broker.address_of("SASL_PLAINTEXT"), "--sasl", "SCRAM-SHA-512", "--user", USER, password=PASSWORD)

        def allow(operation, kind, name):
            acl = AclBinding(kind, name, ResourcePatternType.PREFIXED, "User:" + USER, "*", operation,
                             AclPermissionType.ALLOW)
            for future in broker.admin().create_acls([acl]).values():
                future.result(60)

        commit = ["commit", "a/b/1", state["producer_id"], state["epoch"]]
        probe.refused(commit, "PERMISSION_DENIED", "DESCRIBE on transactional id a/b/1")
        allow(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, "a/")
        wait_until(lambda: probe.run("describe", "a/b/1").returncode == 0, "the right is there")
        probe.refused(commit, "PERMISSION_DENIED", "WRITE on transactional id a/b/1")
        probe.refused(["topic-id", topic], "PERMISSION_DENIED", "DESCRIBE on topic t")
        probe.refused(["marker", "a/b/1", topic, 0], "PERMISSION_DENIED", "DESCRIBE on group a/b/1")
        allow(AclOperation.DESCRIBE, ResourceType.TOPIC, topic)
        wait_until(lambda: probe.run("topic-id", topic).returncode == 0, "the right is there")
        probe.refused(["read", topic, 0, 0, 10, 1, 1], "PERMISSION_DENIED", "READ on topic t")
        allow(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, "a/")
        wait_until(lambda: probe.run(*commit).returncode == 0, "the right is there")
        expect(probe.one(*commit) == "committed", "it commits")
        Prober(broker.address_of("SASL_PLAINTEXT")).refused(["--timeout-ms", 1000, "cluster-id"], "does it want a login")


if __name__ == "__main__":
    main([transactions_v2, transactions_v0, log, certificates, rights])
