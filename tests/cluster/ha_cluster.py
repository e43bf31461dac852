"""A cluster with an etcd and several JobManagers, one of which leads."""
import json
import os
import shutil
import socket
import subprocess
import urllib.request

import cluster
from cluster import BINARY, Failure, Process, Skip, free_port, tail, wait_until

LEASE_SECONDS = 3


def etcd_binary():
    found = shutil.which("etcd")
    if found is None:
        raise Skip("there is no etcd on this machine (deploy/install-dependencies.sh)")
    return found


class Etcd:
    """One member, whose data outlives it. Use as a context manager."""

    def __init__(self, folder):
        self.port, peer = free_port(), free_port()
        self.folder = folder
        client = "http://127.0.0.1:%d" % self.port
        os.makedirs(folder, exist_ok=True)
        self.process = Process("etcd", [
            etcd_binary(), "--name", "one", "--data-dir", os.path.join(folder, "etcd-data"),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", "http://127.0.0.1:%d" % peer,
            "--initial-advertise-peer-urls", "http://127.0.0.1:%d" % peer,
            "--initial-cluster", "one=http://127.0.0.1:%d" % peer], folder)

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def start(self):
        self.process.start()
        wait_until(lambda: self.answers() or not self.process.alive(), "etcd answers")
        if not self.process.alive():
            raise Failure("etcd: %s\n%s" % (cluster.describe_exit(self.process.popen.returncode), tail(self.process.log)))

    def answers(self):
        try:
            with urllib.request.urlopen("http://%s/health" % self.address, timeout=2) as answer:
                return json.loads(answer.read()).get("health") == "true"
        except (OSError, ValueError):
            return False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.process.signal(cluster.signal.SIGCONT)
        self.process.kill()


class HaCluster(cluster.Cluster):
    """cluster.Cluster with an etcd and three JobManagers; `jobmanager` is the one that leads."""

    def __init__(self, name, jobmanagers=3, **options):
        super().__init__(name, **options)
        self.etcd = Etcd(self.folder)
        self.jobmanager_count = jobmanagers
        self.jobmanagers = []
        self.http = {}  # of a JobManager's name

    def processes(self):
        return [self.etcd.process] + self.jobmanagers + self.taskmanagers

    def start_jobmanager(self):
        self.etcd.start()
        addresses = []
        for index in range(self.jobmanager_count):
            name = "jobmanager-%d" % (index + 1)
            address, self.http[name] = "127.0.0.1:%d" % free_port(), free_port()
            addresses.append(address)
            config = self.write(name + ".yaml", """listen: %s
http_listen: 127.0.0.1:%d
checkpoint_storage: file://%s
heartbeat: {interval: 200ms, timeout: %s}
high_availability:
  type: etcd
  endpoints: [%s]
  prefix: /weir-tests
  lease: %ds
""" % (address, self.http[name], self.storage, self.heartbeat_timeout, self.etcd.address, LEASE_SECONDS))
            self.jobmanagers.append(Process(name, [BINARY, "jobmanager", "--config", config], self.folder))
        self.address = ",".join(addresses)
        for process in self.jobmanagers:
            process.start()
        for process in self.jobmanagers:
            process.wait_ready()
        self.wait_leader()

    def taskmanager_setting(self):
        return "[%s]" % self.address.replace(",", ", ")

    def metric(self, process, name):
        """None while it does not answer."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.http[process.name], timeout=2) as answer:
                for line in answer.read().decode().splitlines():
                    if line.split(" ")[0] == name:
                        return float(line.split(" ")[1])
        except (OSError, socket.timeout):
            pass
        return None

    def leader(self):
        """None while nobody leads, or nobody says so."""
        for process in self.jobmanagers:
            if process.alive() and self.metric(process, "weir_jobmanager_leads") == 1:
                return process
        return None

    def wait_leader(self, other_than=None):
        def condition():
            leader = self.leader()
            return leader if leader is not other_than else None
        self.jobmanager = wait_until(condition, "a JobManager leads", interval=0.05)
        return self.jobmanager


def contract(folder):
    """What election and metadata store need of etcd, on a real one."""
    program = os.path.join(os.path.dirname(BINARY), "tests", "unit", "jobmanager", "etcd_test")
    if not os.access(program, os.X_OK):
        raise Skip("no " + program)
    os.makedirs(folder, exist_ok=True)
    try:
        with Etcd(folder) as etcd:
            done = subprocess.run([program], env=dict(os.environ, WEIR_TEST_ETCD=etcd.address), capture_output=True,
                                  text=True, timeout=4 * cluster.DEADLINE, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        raise Failure("etcd_test: exit code %d\n%s" % (done.returncode, done.stdout[-6000:]))
