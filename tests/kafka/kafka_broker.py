"""A Kafka broker of real processes for tests: one KRaft node on free ports, in a folder below build/kafka-tests/.

It can be killed, stopped, continued and started again with its data. Logs and data stay for as long as the object lives;
they are removed at the end unless keep is set.
"""
import base64
import os
import shutil
import signal
import subprocess
import uuid

import cluster
from cluster import ROOT, Failure, Process, free_port, tail, wait_until

WORK = os.path.join(ROOT, "build", "kafka-tests")
VERSION = "4.1.0"
JVM = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms64m", "-Xmx400m",
       "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
       "-Dlog4j.configuration=file:" + os.path.join(ROOT, "deploy", "kafka", "log4j.properties")]
STARTED = "Kafka Server started"


def jars(version=VERSION):
    """The folder of Kafka's jars, fetched if it must be."""
    done = subprocess.run([os.path.join(ROOT, "deploy", "local-kafka.sh"), "install", "--version", version],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("Kafka %s could not be fetched: %s" % (version, done.stderr))
    return done.stdout.strip().splitlines()[-1]


class Broker:
    """Use as a context manager: formatted and started on entry, killed and removed on exit.

    transaction_version: 0, 1, 2 or None = the default of this version of Kafka (2 for 4.x; 3.9 has 0).
    security: a security.Security of certificates and users, or None; then there is one plaintext listener only.
    advertised_port: what clients are told to connect to instead of the real port, for a proxy in between.
    settings: further lines of server.properties.
    """

    def __init__(self, name, version=VERSION, transaction_version=None, settings=None, security=None,
                 advertised_port=None, keep=False):
        self.name = name
        self.version = version
        self.transaction_version = transaction_version
        self.settings = dict(settings or {})
        self.security = security
        self.keep = keep
        self.folder = os.path.join(WORK, name)
        self.data = os.path.join(self.folder, "data")
        self.port, self.controller_port = free_port(), free_port()
        self.advertised_port = advertised_port
        self.ports = {"PLAINTEXT": self.port}
        for listener in security.listeners if security else ():
            self.ports[listener] = free_port()
        self.process = None
        self._log_from = 0
        self._admin = None

    @property
    def address(self):
        """For clients: through the proxy, if there is one."""
        return "127.0.0.1:%d" % (self.advertised_port or self.port)

    @property
    def direct(self):
        return "127.0.0.1:%d" % self.port

    def address_of(self, listener):
        return "localhost:%d" % self.ports[listener]

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        try:
            self._write_properties()
            self._format()
            self.start()
        except BaseException:
            self.__exit__(Failure, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if self.process is not None:
            self.process.signal(signal.SIGCONT)
            self.process.kill()
        if kind is not None and kind is not cluster.Skip:
            print("---- broker %s, log %s" % (self.name, self.log))
            print(tail(self.log, 12), flush=True)
        elif not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self):
        return os.path.join(self.folder, "broker.log")

    def _listeners(self):
        listeners = ["CONTROLLER://127.0.0.1:%d" % self.controller_port]
        advertised = []
        for name, port in self.ports.items():
            host = "127.0.0.1" if name == "PLAINTEXT" else "localhost"
            listeners.append("%s://%s:%d" % (name, host, port))
            told = self.advertised_port if name == "PLAINTEXT" and self.advertised_port else port
            advertised.append("%s://%s:%d" % (name, host, told))
        return ",".join(listeners), ",".join(advertised)

    def _write_properties(self):
        listeners, advertised = self._listeners()
        properties = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.voters": "1@127.0.0.1:%d" % self.controller_port,
            "controller.listener.names": "CONTROLLER", "listeners": listeners, "advertised.listeners": advertised,
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT"] + ["%s:%s" % (n, n) for n in self.ports]),
            "log.dirs": self.data, "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 2, "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 2, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0,
            "transaction.max.timeout.ms": 900000, "num.network.threads": 2, "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 16777216,
            # A broker that was killed may register again when its last session has run out.
            "broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500,
        }
        if self.security:
            properties.update(self.security.broker_settings(self.ports))
        properties.update(self.settings)
        with open(self.properties, "w", encoding="utf-8") as file:
            file.writelines("%s=%s\n" % item for item in properties.items())

    @property
    def properties(self):
        return os.path.join(self.folder, "server.properties")

    def set(self, **settings):
        """Changes server.properties (dots as __); they count from the next start."""
        self.settings.update({k.replace("__", "."): v for k, v in settings.items()})
        self._write_properties()

    def java(self, *arguments):
        return JVM + ["-cp", os.path.join(jars(self.version), "*")] + [str(a) for a in arguments]

    def _format(self):
        arguments = ["kafka.tools.StorageTool", "format", "--config", self.properties,
                     "--cluster-id=" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().strip("=").replace("-", "A")]
        if self.transaction_version is not None:
            arguments += ["--feature", "transaction.version=%d" % self.transaction_version]
        for user in self.security.scram_users() if self.security else ():
            arguments += ["--add-scram", user]
        done = subprocess.run(self.java(*arguments), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure("format: %s%s" % (done.stdout, done.stderr))

    def start(self):
        if self.process is None:
            self.process = Process("broker", self.java("kafka.Kafka", self.properties), self.folder)
        self._log_from = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.process.out = os.path.join(self.folder, "broker.out")
        self.process.start()
        wait_until(lambda: self.ready() or not self.process.alive(), "the broker is ready", 2 * cluster.DEADLINE)
        if not self.process.alive():
            raise Failure("the broker ended: %s\n%s" % (cluster.describe_exit(self.process.popen.returncode), tail(self.log)))

    def ready(self):
        for path in (self.log, self.process.out):
            if os.path.exists(path):
                with open(path, "rb") as file:
                    file.seek(self._log_from if path == self.log else 0)
                    if STARTED.encode() in file.read():
                        return True
        return False

    def kill(self):
        self.process.kill()

    def stop(self):
        """SIGTERM; killed when it takes long."""
        self.process.signal(signal.SIGTERM)
        try:
            self.process.wait_exit(20)
        except Failure:
            self.process.kill()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def tool(self, *arguments):
        """A tool of Kafka: tool("org.apache.kafka.tools.TransactionsCommand", "list")."""
        return cluster.run(self.java(arguments[0], "--bootstrap-server", self.direct, *arguments[1:]))

    # ---- topics

    def admin(self):
        """One for the life of the broker: futures die with the client that made them."""
        if self._admin is None:
            from confluent_kafka.admin import AdminClient
            self._admin = AdminClient({"bootstrap.servers": self.direct, "log_level": 0})
        return self._admin

    def create_topic(self, name, partitions=1, **config):
        from confluent_kafka.admin import NewTopic
        topic = NewTopic(name, partitions, 1, config={k.replace("_", "."): str(v) for k, v in config.items()})
        wait_until(lambda: self._create(topic), "topic %s is made" % name)
        wait_until(lambda: self._leaders(name) == partitions, "topic %s has leaders" % name)
        return name

    def _create(self, topic):
        """False while the cluster's only broker counts as gone: on a loaded machine its heartbeats come late."""
        from confluent_kafka import KafkaError, KafkaException
        for future in self.admin().create_topics([topic], operation_timeout=30).values():
            try:
                future.result(60)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    return True
                if error.args[0].code() == KafkaError.INVALID_REPLICATION_FACTOR or error.args[0].retriable():
                    return False
                raise
        return True

    def _leaders(self, name):
        topic = self.admin().list_topics(timeout=30).topics.get(name)
        return sum(p.leader == 1 for p in topic.partitions.values()) if topic else 0

    def delete_topic(self, name):
        for future in self.admin().delete_topics([name], operation_timeout=30).values():
            future.result(60)

    def grow_topic(self, name, partitions):
        from confluent_kafka.admin import NewPartitions
        for future in self.admin().create_partitions([NewPartitions(name, partitions)]).values():
            future.result(60)
        wait_until(lambda: self._leaders(name) == partitions, "topic %s has grown" % name)

    def configure_topic(self, name, **config):
        from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
        entries = [ConfigEntry(k.replace("_", "."), str(v), incremental_operation=AlterConfigOpType.SET)
                   for k, v in config.items()]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        for future in self.admin().incremental_alter_configs([resource]).values():
            future.result(60)

    def delete_records(self, name, partition, before):
        """All records of the partition before that offset are gone."""
        from confluent_kafka import TopicPartition
        for future in self.admin().delete_records([TopicPartition(name, partition, before)]).values():
            future.result(60)

