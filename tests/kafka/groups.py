#!/usr/bin/env python3
"""What a job leaves in consumer groups: of its source, for people, and of its sink, the markers of transactions.

    groups.py [NAME ...]     final_offsets markers_of_older_attempts
"""
import environment  # pylint: disable=unused-import

import sys

import cluster
import crash_matrix
import job_files
from cluster import Cluster, Failure, main
from kafka_broker import Broker


def admin(broker):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": broker.direct, "log_level": 0})


def offsets_of(broker, group):
    from confluent_kafka import ConsumerGroupTopicPartitions
    client = admin(broker)  # as long as the answer is not there
    asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    return {(p.topic, p.partition): p.offset for p in asked[group].result(30).topic_partitions}


def ends_of(broker, topic):
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": broker.direct, "group.id": "ends", "log_level": 0})
    ends = {(topic, p): consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1] for p in range(2)}
    consumer.close()
    return ends


def final_offsets():
    """A bounded job: when it has FINISHED its group is where the job is. The end is an attempt of its own."""
    with Broker("final-offsets") as broker, Cluster("kafka-final-offsets", taskmanagers=1, slots=2) as c:
        source, topic = broker.create_topic("in", 2), broker.create_topic("out", 2)
        job_files.load(broker.direct, source, 5000)
        text = job_files.passing(broker.address, topic, source, "bounded", interval="20s", source={"stop": "latest"})
        c.submit(c.write("job.yaml", text))
        c.wait_state("bounded", "FINISHED")
        job_files.verify(broker.direct, topic, ids=5000)
        committed, ends = offsets_of(broker, "weir-bounded-numbers"), ends_of(broker, source)
        if committed != ends:
            raise Failure("the group's offsets are %s, the topic's ends %s" % (committed, ends))
        # A stop too, at whatever checkpoint it was.
        c.submit(c.write("endless.yaml", job_files.passing(broker.address, broker.create_topic("out-2", 2), source, "endless",
                                                           interval="20s")))
        c.cli("stop", "endless")
        c.wait_state("endless", "STOPPED")
        committed = offsets_of(broker, "weir-endless-numbers")
        if set(committed) != set(ends) or any(committed[p] > ends[p] for p in ends):
            raise Failure("after a stop the group's offsets are %s" % committed)
        print("final_offsets: %s" % committed)


def markers_of_older_attempts():
    """Every attempt has transactional ids of its own, and as many groups with markers. Those that no retained checkpoint
    needs are deleted, at the latest when the job ends."""
    with Broker("markers") as broker, crash_matrix.Run(broker, "markers", checkpoint="keep: 1") as run:
        for _ in range(3):
            before = run.goes_on()
            crash_matrix.restart(run.cluster.taskmanagers)
            after = run.goes_on(after=before)
            run.cluster.wait_checkpoint(run.job, after=(after["last_checkpoint"] or {"id": 0})["id"])
        last = run.goes_on()["attempt"]
        had = attempts_with_markers(broker, run.job_id)
        if last not in had:
            raise Failure("attempt %d has no markers, only %s" % (last, sorted(had)))
        run.end()
        left = attempts_with_markers(broker, run.job_id)
        if not left or min(left) < last:
            raise Failure("markers of the attempts %s are left, the job ended in attempt %d" % (sorted(left), last))
        print("markers_of_older_attempts: of attempts %s, left %s" % (sorted(had), sorted(left)))


def attempts_with_markers(broker, job_id):
    client = admin(broker)
    listed = client.list_consumer_groups().result(30)
    if listed.errors:
        raise Failure("the groups cannot be listed: %s" % listed.errors)
    names = [g.group_id.split("/") for g in listed.valid if g.group_id.startswith(job_id + "/")]
    return {int(name[2]) for name in names}


if __name__ == "__main__":
    main([final_offsets, markers_of_older_attempts])
