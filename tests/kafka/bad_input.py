#!/usr/bin/env python3
"""What goes wrong around a Kafka job: each is a named error or is lived through, nothing is lost, nothing restarts for
ever on an error that cannot go away by itself."""
import environment  # pylint: disable=unused-import

import json

import cluster
import job_files
from cluster import BINARY, Cluster, Failure, free_port, main, run, wait_until
from kafka_broker import Broker
from security import PASSWORD, USER, Security, sasl

MAX_RESTARTS = 5


def check(condition, message):
    if not condition:
        raise Failure(message)


def submit_refused(c, text, *words, name="refused.yaml"):
    path = c.write(name, text)
    result = c.cli("submit", path, expect=(1, 4, 78))
    for word in words:
        check(word in result.stderr, "`%s` is not told:\n%s" % (word, result.stderr))
    print("%s: %s" % (name, result.stderr.strip().splitlines()[-1][:300]), flush=True)
    return path


def fails(c, job, *words, deadline=None):
    """The job ends FAILED with these words, after few restarts. Returns its status."""
    status = wait_until(lambda: (lambda s: s if s and s["state"] == "FAILED" else None)(c.status(job)),
                        "%s is FAILED" % job, deadline or 2 * cluster.DEADLINE)
    for word in words:
        check(word in str(status["failure"]), "`%s` is not told: %s" % (word, status["failure"]))
    check(status["restarts"] <= MAX_RESTARTS, "%d restarts on an error that stays" % status["restarts"])
    print("%s: %s" % (job, str(status["failure"])[:300]), flush=True)
    return status


def refused_at_submit():
    """Missing topics, no broker there, a timeout that the broker does not allow, times that do not fit."""
    with Broker("refused") as broker, Cluster("kafka-refused", taskmanagers=1, slots=2) as c:
        broker.create_topic("numbers", 2)
        broker.create_topic("out", 2)
        job = lambda **o: job_files.passing(o.pop("brokers", broker.address), o.pop("topic", "out"),
                                             o.pop("source_topic", "numbers"), "refused", **o)
        path = submit_refused(c, job(topic="no-such-output"), "no-such-output", name="no-output.yaml")
        live = run([BINARY, "lint", "--live", path], expect=(1, 4, 78))
        check("no-such-output" in live.stderr + live.stdout, "lint --live: " + live.stderr)
        run([BINARY, "lint", path])  # without --live nothing is asked of a broker
        submit_refused(c, job(source_topic="no-such-input"), "no-such-input", name="no-input.yaml")
        nobody = "127.0.0.1:%d" % free_port()
        submit_refused(c, job(brokers=nobody), nobody, name="no-broker.yaml")
        submit_refused(c, job(brokers="no-such-host.invalid:9092"), "no-such-host.invalid", name="no-host.yaml")
        submit_refused(c, job(sink={"transaction_timeout": "20m"}), "transaction.max.timeout.ms", name="too-long.yaml")
        submit_refused(c, job(sink={"transaction_timeout": "30s"}, timeout="1m"), "transaction_timeout",
                       name="too-short.yaml")
        check(all(j["state"] == "FAILED" for j in c.ask("list")), "a refused job runs")
        # A good one after all that.
        job_files.load(broker.direct, "numbers", 500)
        c.submit(c.write("good.yaml", job(source={"stop": "latest"})))
        c.wait_state("refused", "FINISHED")
        job_files.verify(broker.direct, "out", ids=500)


def no_rights():
    """A user without the rights to write, or to read: refused at submit, with the topic."""
    security = Security("no-rights", listeners=("SASL_PLAINTEXT",), acls=True)
    with Broker("no-rights", security=security) as broker, Cluster("kafka-no-rights", taskmanagers=1, slots=2) as c:
        broker.create_topic("numbers", 1)
        broker.create_topic("out", 1)
        job_files.load(broker.direct, "numbers", 200)
        def allow(*arguments):
            broker.tool("org.apache.kafka.tools.AclCommand", "--add", "--allow-principal", "User:" + USER, *arguments)
        job = c.write("job.yaml", job_files.passing(
            broker.address_of("SASL_PLAINTEXT"), "out", "numbers", "rights", parallelism=1, source={"stop": "latest"},
            both={"security": "{%s}" % sasl("SCRAM-SHA-512")}))

        def refused(*words):
            result = c.cli("submit", job, expect=(1, 4))
            for word in words:
                check(word in result.stderr, "`%s` is not told:\n%s" % (word, result.stderr))
            check(PASSWORD not in result.stderr, "the password is told")
            print("rights: " + result.stderr.strip().splitlines()[-1][:300], flush=True)
        refused("numbers")
        allow("--operation", "Read", "--operation", "Describe", "--topic", "numbers", "--group", "*")
        refused("out")
        allow("--operation", "All", "--topic", "out")
        refused()  # no right to transactional ids
        allow("--operation", "All", "--transactional-id", "*")
        allow("--operation", "DescribeConfigs", "--cluster")
        c.submit(job)
        c.wait_state("rights", "FINISHED")
        job_files.verify(broker.direct, "out", ids=200)


def too_large():
    """A record above the topic's max.message.bytes: the job fails and names the topic; what came before is not lost."""
    limits = {"client": ({}, {}, 1_100_000),
              "topic": ({"max_message_bytes": 20_000}, {"client_properties": "{batch.size: 16000}"}, 40_000)}
    with Broker("too-large") as broker, Cluster("kafka-too-large", taskmanagers=1, slots=2) as c:
        for name, (config, sink, size) in limits.items():
            source = broker.create_topic("numbers-" + name, 1, max_message_bytes=2_000_000)
            topic = broker.create_topic("out-" + name, 1, **config)
            job_files.load(broker.direct, source, 1000)
            job = "large-" + name
            c.submit(c.write(name + ".yaml", job_files.passing(broker.address, topic, source, job, parallelism=1, sink=sink)))
            job_files.verify(broker.direct, topic, ids=1000)
            client = job_files.producer(broker.direct, **{"message.max.bytes": 2_000_000})
            client.produce(source, json.dumps({"id": 1000, "key": "x" * size}))
            client.flush(30)
            fails(c, job, topic, "bytes")
            job_files.verify(broker.direct, topic, ids=1000)
        job_files.check_no_residue(broker, "after a record that is too large")


def poison():
    """Records that are not JSON: fail names topic, partition and offset; skip counts; route sends them on."""
    with Broker("poison") as broker, Cluster("kafka-poison", taskmanagers=1, slots=4) as c:
        broker.create_topic("numbers", 1)
        client = job_files.producer(broker.direct)
        bad = [b"nonsense", b'{"id": "x", "key": "k"}', b"", b'{"id": 5}', b"\xff\xfe"]
        ids = 0
        for i in range(300):
            if i % 60 == 30:
                client.produce("numbers", bad[i // 60])
            else:
                key, value = job_files.record(ids)
                client.produce("numbers", value, key=key)
                ids += 1
        client.produce("numbers", None, key="tombstone")
        client.flush(30)
        options = {"parallelism": 1, "source": {"stop": "latest"}}
        for on_error in ("skip", "route", "fail"):
            topic = broker.create_topic("out-" + on_error, 1)
            text = job_files.passing(broker.address, topic, "numbers", "poison-" + on_error, on_error=on_error, **options)
            if on_error == "route":
                broker.create_topic("bad", 1)
                text += ("  bad: {type: kafka, input: numbers.errors, brokers: %s, topic: bad, format: {type: json}}\n"
                         % broker.address)
            c.submit(c.write(on_error + ".yaml", text))
            if on_error == "fail":
                status = fails(c, "poison-fail", "numbers", "30")
                check(status["restarts"] == 0, "a user's error was retried")
            else:
                status = c.wait_state("poison-" + on_error, "FINISHED")
                job_files.verify(broker.direct, topic, ids=ids)
            if on_error == "skip":
                skipped = sum(t.get("skipped_rows", 0) for t in status["tasks"])
                check(skipped == len(bad) + 1, "skipped %d" % skipped)
        from confluent_kafka import Consumer, TopicPartition
        reader = Consumer({"bootstrap.servers": broker.direct, "group.id": "x", "isolation.level": "read_committed"})
        reader.assign([TopicPartition("bad", 0, 0)])
        routed = [json.loads(m.value()) for m in reader.consume(len(bad) + 1, 20)]
        reader.close()
        check(len(routed) == len(bad) + 1 and all("numbers" in r["origin"] and r["error"] for r in routed),
              "routed: %s" % routed)


def topic_deleted():
    """The topic that is read, or written, goes away: the job ends with its name, not with restarts for ever."""
    with Broker("deleted") as broker, Cluster("kafka-deleted", taskmanagers=1, slots=4) as c:
        for victim in ("numbers", "out"):
            source, topic = broker.create_topic(victim + "-numbers", 1), broker.create_topic(victim + "-out", 1)
            job_files.load(broker.direct, source, 500)
            name = "deleted-" + victim
            c.submit(c.write(name + ".yaml", job_files.passing(
                broker.address, topic, source, name, parallelism=1, max_attempts=5,
                source={"discovery_interval": "1s"})))
            c.wait_checkpoint(name, after=2)
            job_files.verify(broker.direct, topic, ids=500)
            gone = source if victim == "numbers" else topic
            broker.delete_topic(gone)
            if victim == "out":
                job_files.load(broker.direct, source, 500, first=500)
            fails(c, name, gone, deadline=3 * cluster.DEADLINE)


def topic_grown():
    """Partitions are added to the input while the job runs, and to the output: nothing is left out."""
    with Broker("grown") as broker, Cluster("kafka-grown", taskmanagers=2, slots=1) as c:
        broker.create_topic("numbers", 1)
        broker.create_topic("out", 1)
        job_files.load(broker.direct, "numbers", 1000)
        c.submit(c.write("job.yaml", job_files.passing(broker.address, "out", "numbers", "grown",
                                                        source={"discovery_interval": "1s"})))
        c.wait_checkpoint("grown", after=2)
        broker.grow_topic("numbers", 3)
        broker.grow_topic("out", 3)
        job_files.load(broker.direct, "numbers", 2000, first=1000)
        said = job_files.verify(broker.direct, "out", ids=3000, order_by="")
        victim = c.taskmanagers[0]
        before = c.status("grown")
        victim.kill()
        victim.start()
        c.wait_for("grown", "goes on", lambda s: s["state"] == "RUNNING" and s["attempt"] > before["attempt"])
        job_files.load(broker.direct, "numbers", 1000, first=3000)
        job_files.verify(broker.direct, "out", ids=4000, order_by="")
        print("grown: " + said, flush=True)


def out_of_range():
    """The next record is not there any more: fail names topic, partition and range; earliest goes on."""
    with Broker("range") as broker, Cluster("kafka-range", taskmanagers=1, slots=4) as c:
        for choice in ("fail", "earliest"):
            source, topic = broker.create_topic("numbers-" + choice, 1), broker.create_topic("out-" + choice, 1)
            job_files.load(broker.direct, source, 1000)
            job = c.write(choice + ".yaml", job_files.passing(
                broker.address, topic, source, "range-" + choice, parallelism=1, source={"on_out_of_range": choice}))
            c.submit(job)
            job_files.verify(broker.direct, topic, ids=1000)
            c.wait_checkpoint("range-" + choice, after=c.status("range-" + choice)["last_checkpoint"]["id"])
            savepoint = c.cli("stop", "range-" + choice).stdout.strip().splitlines()[-1]
            job_files.load(broker.direct, source, 1000, first=1000)
            broker.delete_records(source, 0, 1500)
            job_id = c.submit(job, "--from", savepoint)
            if choice == "fail":
                fails(c, job_id, source, "1000", "1500")
            else:
                there = list(range(1000)) + list(range(1500, 2000))
                expected = c.write("expected.jsonl", "".join(job_files.record(i)[1] + "\n" for i in there))
                job_files.verify(broker.direct, topic, expected=expected)
                c.cli("cancel", job_id)


def same_name_twice():
    """Two jobs of one name would share their transactional ids: the second is refused."""
    with Broker("twice") as broker, Cluster("kafka-twice", taskmanagers=1, slots=4) as c:
        broker.create_topic("numbers", 1)
        broker.create_topic("out", 1)
        text = job_files.passing(broker.address, "out", "numbers", "twin", parallelism=1)
        c.submit(c.write("job.yaml", text))
        c.wait_checkpoint("twin")
        submit_refused(c, text, "twin", name="again.yaml")


if __name__ == "__main__":
    main([refused_at_submit, no_rights, too_large, poison, topic_deleted, topic_grown, out_of_range, same_name_twice])
