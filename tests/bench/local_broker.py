"""The broker of the Kafka figures, and the programs that load, drain and probe it without an engine."""
import json
import os
import subprocess

import figures
import machine
import cluster

TOOLS = os.path.join(os.path.dirname(os.environ["WEIR_BINARY"]), "tests", "bench")
LOCAL_KAFKA = os.path.join(machine.ROOT, "deploy", "local-kafka.sh")


class Broker:
    """A fresh broker with a JVM that compiles fully: what a user's would be."""

    def __enter__(self):
        self.port = cluster.free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.folder = os.path.join(figures.FOLDER, "broker")
        self.script("down", "--wipe")
        self.script("up", "--port", str(self.port))
        return self

    def __exit__(self, kind, value, trace):
        self.script("down", "--wipe")

    def script(self, verb, *options):
        environment = dict(os.environ, WEIR_KAFKA_JVM="-XX:TieredStopAtLevel=4", WEIR_KAFKA_HEAP="1g")
        done = subprocess.run([LOCAL_KAFKA, verb, "--dir", self.folder] + list(options), env=environment, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise cluster.Failure("local-kafka.sh %s: %s" % (verb, done.stdout))

    def tool(self, name, **options):
        """Starts one of the measuring programs; result() waits for its line of JSON."""
        command = [os.path.join(TOOLS, "weir_kafka_" + name), "--brokers", self.address]
        for key, value in options.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def run(self, name, **options):
        return result(self.tool(name, **options))

    def topic(self, name, partitions=2):
        self.run("load", topic=name, partitions=partitions, records=0)
        return name

    def delete(self, name):
        self.run("load", topic=name, delete=1)

    def verify(self, topic, kind, records, digest):
        """The output, read by librdkafka alone: exactly these records, in whatever order. Then it is deleted."""
        got = self.run("drain", topic=topic, digest=kind, expect=records)
        if got["records"] != records or got["digest"] != digest:
            raise cluster.Failure("%s: %d records (digest %s), expected %d (digest %s)" % (
                topic, got["records"], got["digest"], records, digest))
        self.delete(topic)


def result(process):
    out, errors = process.communicate(timeout=300)
    if process.returncode != 0:
        raise cluster.Failure("%s: exit %d: %s" % (process.args[0], process.returncode, errors[-2000:]))
    return json.loads(out) if out.strip() else None
