#!/usr/bin/env python3
"""Reads a topic as read_committed from its beginning to the end and compares it with what must be there.

    verifier.py --brokers HOST:PORT --topic T --ids N           {"id": 0} ... {"id": N-1}, each once; per key ascending
    verifier.py --brokers HOST:PORT --topic T --expected FILE   the JSON lines of FILE, each as often as there, any order

--wait SECONDS: how long records may take to arrive and open transactions to end. Exit code 0: exactly once, 1: records
are missing, doubled, foreign or out of order, 2: an open transaction holds readers back, 3: the topic cannot be read.
"""
import environment  # pylint: disable=unused-import

import argparse
import collections
import json
import sys
import time

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

QUIET_SECONDS = 1.0  # after everything is there: as long is looked for what should not be there


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--ids", type=int)
    parser.add_argument("--expected")
    parser.add_argument("--order-by", default="", help="field of the key in the value; ids ascend per key")
    parser.add_argument("--wait", type=float, default=60)
    parser.add_argument("--at-least-once", action="store_true", help="doubled records are fine")
    args = parser.parse_args()
    try:
        sys.exit(Verifier(args).run())
    except KafkaException as error:
        print("verifier: %s cannot be read: %s" % (args.topic, error))
        sys.exit(3)


def passes(error):
    """Whether an error goes away by itself: brokers die in these tests."""
    return error.retriable() or error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT,
                                                 KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH)


class Verifier:
    def __init__(self, args):
        self.args = args
        self.expected = expected_rows(args)
        self.left = self.expected.copy()  # how often each is still to come; negative: came too often
        self.to_come = sum(self.expected.values())
        self.places = collections.defaultdict(list)  # of what came too often
        self.first = {}
        self.disorder = []
        self.last_of_key = {}
        self.read = 0
        self.consumer = Consumer({"bootstrap.servers": args.brokers, "group.id": "verifier", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "auto.offset.reset": "error",
                                  "enable.partition.eof": True, "log_level": 0})
        self.admin = AdminClient({"bootstrap.servers": args.brokers, "log_level": 0})

    def run(self):
        metadata = self.consumer.list_topics(self.args.topic, timeout=30).topics[self.args.topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        self.partitions = sorted(metadata.partitions)
        self.consumer.assign([TopicPartition(self.args.topic, p, 0) for p in self.partitions])
        deadline = time.monotonic() + self.args.wait
        held = {}
        quiet_since = None
        while True:
            message = self.consumer.poll(0.2)
            now = time.monotonic()
            if message is not None and message.error() is None:
                self.take(message)
                quiet_since = None
                continue
            if message is not None and message.error().code() != KafkaError._PARTITION_EOF:
                if not passes(message.error()):
                    raise KafkaException(message.error())
            quiet_since = quiet_since or now
            if now - quiet_since < QUIET_SECONDS and now < deadline:
                continue
            held = self.held_back()
            if (self.to_come == 0 and not held and self.at_end()) or now > deadline:
                break
            quiet_since = now
        self.consumer.close()
        return self.verdict(held)

    def ends(self, isolation):
        wanted = {TopicPartition(self.args.topic, p): OffsetSpec.latest() for p in self.partitions}
        deadline = time.monotonic() + 60
        while True:
            try:
                found = self.admin.list_offsets(wanted, isolation_level=isolation, request_timeout=30)
                return {tp.partition: future.result().offset for tp, future in found.items()}
            except KafkaException as error:  # a broker that was started again is asked by what was known before
                if time.monotonic() > deadline or not passes(error.args[0]):
                    raise
            time.sleep(0.2)

    def held_back(self):
        """Partitions whose readers an open transaction holds back: partition -> (last stable offset, end)."""
        stable, high = self.ends(IsolationLevel.READ_COMMITTED), self.ends(IsolationLevel.READ_UNCOMMITTED)
        return {p: (stable[p], high[p]) for p in self.partitions if stable[p] < high[p]}

    def at_end(self):
        stable = self.ends(IsolationLevel.READ_COMMITTED)
        positions = self.consumer.position([TopicPartition(self.args.topic, p) for p in self.partitions])
        return all(p.offset >= stable[p.partition] or (p.offset < 0 and stable[p.partition] == 0) for p in positions)

    def take(self, message):
        self.read += 1
        place = "%d:%d" % (message.partition(), message.offset())
        try:
            row = json.loads(message.value())
        except (ValueError, TypeError):
            row = {"id": "not JSON: %r" % (message.value() or b"")[:80]}
        name = row.get("id") if self.args.ids is not None else canonical(row)
        if self.left.get(name, 0) > 0:
            self.to_come -= 1
            self.first.setdefault(name, place)
        else:
            self.places[name].append(place)
        self.left[name] = self.left.get(name, 0) - 1
        if self.args.order_by and isinstance(name, int):
            key = row.get(self.args.order_by)
            last = self.last_of_key.get(key, (-1, ""))
            if name < last[0]:
                self.disorder.append("key %s: id %s at %s after id %s at %s" % (key, name, place, last[0], last[1]))
            self.last_of_key[key] = (name, place)

    def verdict(self, held):
        missing = {n: c for n, c in self.left.items() if c > 0}
        extra = {n: -c for n, c in self.left.items() if c < 0}
        doubled = {n: c for n, c in extra.items() if n in self.expected}
        foreign = {n: c for n, c in extra.items() if n not in self.expected}
        print("verifier: %s: expected %d, read %d; missing %d, doubled %d, foreign %d, out of order %d" % (
            self.args.topic, sum(self.expected.values()), self.read, sum(missing.values()), sum(doubled.values()),
            sum(foreign.values()), len(self.disorder)))
        if missing:
            print("  missing: %s" % ranges(missing))
        for what, names in (("doubled", doubled), ("foreign", foreign)):
            if names:
                print("  %s: %s" % (what, "; ".join("%s at %s (first %s)" % (n, ",".join(self.places[n][:3]), self.first.get(n))
                                                    for n in list(names)[:8])))
        if self.disorder:
            print("  order: " + "; ".join(self.disorder[:4]))
        for partition, (stable, high) in held.items():
            print("  held back: partition %d ends at %d, readers see up to %d" % (partition, high, stable))
        if missing or foreign or (doubled and not self.args.at_least_once) or self.disorder:
            return 1
        return 2 if held else 0


def expected_rows(args):
    if args.ids is not None:
        return collections.Counter(range(args.ids))
    with open(args.expected, encoding="utf-8") as file:
        return collections.Counter(canonical(json.loads(line)) for line in file)


def canonical(row):
    return json.dumps(row, sort_keys=True, separators=(",", ":"))


def ranges(names):
    """1-5, 9, ... of integers; the names themselves otherwise."""
    names = sorted(names, key=lambda n: (not isinstance(n, int), n))
    if not all(isinstance(n, int) for n in names):
        return "; ".join(str(n) for n in names[:8])
    found, start = [], names[0]
    for last, name in zip(names, names[1:] + [None]):
        if name != last + 1:
            found.append("%d-%d" % (start, last) if last > start else str(start))
            start = name
    return ", ".join(found[:12]) + (" ... (%d runs)" % len(found) if len(found) > 12 else "")


if __name__ == "__main__":
    main()
