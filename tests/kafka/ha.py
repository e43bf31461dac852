#!/usr/bin/env python3
"""Three JobManagers on etcd, a job that copies 1000 records a second from one topic to another: the leader is killed with
kill -9 again and again. Prints how long readers saw nothing new, and fails when a task was restarted or a record is
missing or doubled; with --strict also when a gap was longer than the lease and a second.

    ha.py                          two kills
    ha.py --kills 10 --strict      the figures
"""
import environment  # pylint: disable=unused-import

import argparse
import sys
import threading
import time

import cluster
import ha_cluster
import job_files
from cluster import Failure
from kafka_broker import Broker

RATE = 1000


class Reader:
    """When read_committed readers saw the records of a topic: the longest time without any, since `reset`."""

    def __init__(self, brokers, topic):
        from confluent_kafka import Consumer
        self.consumer = Consumer({"bootstrap.servers": brokers, "group.id": "gaps", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "auto.offset.reset": "earliest",
                                  "fetch.wait.max.ms": 20, "log_level": 0})
        self.consumer.subscribe([topic])
        self.lock = threading.Lock()
        self.seen = 0
        self.last = time.monotonic()
        self.longest = 0.0
        self.stopping = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stopping:
            message = self.consumer.poll(0.05)
            if message is None or message.error() is not None:
                continue
            now = time.monotonic()
            with self.lock:
                self.longest = max(self.longest, now - self.last)
                self.last = now
                self.seen += 1

    def reset(self):
        with self.lock:
            longest, self.longest = self.longest, 0.0
            return longest

    def stop(self):
        self.stopping = True
        self.thread.join(30)
        self.consumer.close()


def leader_killed(kills, strict):
    with Broker("ha") as broker, ha_cluster.HaCluster("kafka-ha", taskmanagers=3, slots=1) as c:
        broker.create_topic("numbers", 2)
        broker.create_topic("copies", 2)
        with job_files.Feeder(broker.address, "numbers", rate=RATE) as feeder:
            c.submit(c.write("job.yaml", job_files.passing(broker.address, "copies", "numbers", interval="200ms")))
            c.wait_checkpoint("pass")
            reader = Reader(broker.address, "copies")
            cluster.wait_until(lambda: reader.seen > 2 * RATE, "records arrive")
            reader.reset()
            time.sleep(3)
            undisturbed = reader.reset()
            gaps = []
            for _ in range(kills):
                victim = c.jobmanager
                last = c.status("pass")["last_checkpoint"]["id"]
                reader.reset()
                victim.kill()
                c.wait_leader()
                c.wait_checkpoint("pass", after=last)
                time.sleep(1.5)
                gaps.append(reader.reset())
                victim.start()
            count = feeder.stop()
        status = c.status("pass")
        reader.stop()
        print("ha: lease %d s; longest time without output: undisturbed %.2f s; by kill %s" % (
            ha_cluster.LEASE_SECONDS, undisturbed, ", ".join("%.2f" % g for g in gaps)))
        print("ha: attempt %d, restarts %d after %d kills" % (status["attempt"], status["restarts"], kills))
        if status["attempt"] != 1 or status["restarts"] != 0:
            raise Failure("tasks were restarted: %s" % status.get("failure"))
        print("ha: " + job_files.verify(broker.address, "copies", ids=count))
        if strict and max(gaps) > ha_cluster.LEASE_SECONDS + 1:
            raise Failure("a gap of %.2f s is longer than the lease and a second" % max(gaps))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    sys.argv[1:] = []
    sys.exit(0 if cluster.run_test("kafka.ha", lambda: leader_killed(args.kills, args.strict)) else 1)


if __name__ == "__main__":
    main()
