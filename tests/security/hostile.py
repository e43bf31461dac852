#!/usr/bin/env python3
"""Hostile peers at every port: others are served, memory stays bounded, nothing ends.

hostile.py [TEST...]            WEIR_HOSTILE_CONNECTIONS: how many idle connections a port gets (default 2000)
"""
import os
import random
import resource
import socket
import ssl
import struct
import threading
import time

from secure_cluster import SecureCluster, check
from cluster import Skip, main, wait_until
import jobs
import raw_grpc

CONNECTIONS = int(os.environ.get("WEIR_HOSTILE_CONNECTIONS", "2000"))
MAX_GROWTH_MIB = 400  # of a daemon's memory, whatever peers do


class Watched:
    """A cluster with a job under attack: its ports, its memory, and whether others are served."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.processes = [cluster.jobmanager] + cluster.taskmanagers
        self.before = [self.memory_mib(p) for p in self.processes]
        self.grpc = [int(cluster.address.split(":")[1])]
        self.http = [cluster.http_port]
        for process in cluster.taskmanagers:
            line = open(process.out, encoding="utf-8").read()
            self.grpc.append(int(line.split("listen 127.0.0.1:")[1].split(",")[0]))
            self.http.append(int(line.split("http 127.0.0.1:")[1].split(",")[0]))
        self.attempt = cluster.status("endless")["attempt"]

    @staticmethod
    def memory_mib(process):
        with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
            return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))

    def all_is_well(self, what):
        c = self.cluster
        last = (c.status("endless")["last_checkpoint"] or {"id": 0})["id"]
        after = c.wait_checkpoint("endless", after=last)
        check(after["attempt"] == self.attempt, "%s: the job was restarted" % what)
        check(len(c.ask("cluster")["taskmanagers"]) == len(c.taskmanagers), "%s: a TaskManager is gone" % what)
        for port in self.http:
            wait_until(lambda port=port: self.healthy(port), "%s: /healthz of port %d" % (what, port))
        for process, before in zip(self.processes, self.before):
            check(process.alive(), "%s: %s ended" % (what, process.name))
            now = self.memory_mib(process)
            print("  %-28s %-12s %5d MiB (%+d)" % (what, process.name, now, now - before), flush=True)
            check(now - before < MAX_GROWTH_MIB, "%s: %s grew from %d to %d MiB" % (what, process.name, before, now))

    def connect(self, port, tls=False):
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        if not tls:
            return plain
        context = ssl.create_default_context(cafile=self.cluster.authority.ca)
        context.load_cert_chain(self.cluster.certificate, self.cluster.key)
        context.set_alpn_protocols(["h2"])
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def healthy(self, port):
        try:
            with self.connect(port, self.cluster.tls) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                return b" 200 " in connection.recv(4096)
        except OSError:
            return False


def cluster_under_attack(name, tls):
    """Two TaskManagers with HTTP on, and a job with an exchange."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 200:
        raise Skip("at most %d descriptors" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 20)) if hard > 0 else 1 << 20, hard))

    class WithHttp(SecureCluster):
        def write(self, file, text):
            return super().write(file, text.replace('http_listen: "off"', "http_listen: 127.0.0.1:0"))

    # The attacker takes part of the processor: silence is not what is tested here.
    return WithHttp(name, taskmanagers=2, slots=1, tls=tls, tokens=tls, heartbeat_timeout="60s")


def attack(name, tls, what):
    with cluster_under_attack(name, tls) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless", parallelism=2)))
        c.wait_checkpoint("endless")
        watched = Watched(c)
        what(watched)
        watched.all_is_well("afterwards")


def idle_connections(watched):
    """They connect and say nothing; then they say hello and no more."""
    for greeting in (b"", raw_grpc.PREFACE + raw_grpc.frame(raw_grpc.SETTINGS, 0, 0, b"")):
        for ports, kind in ((watched.grpc, "gRPC"), (watched.http, "HTTP")):
            for port in ports:
                held = []
                for _ in range(CONNECTIONS):
                    try:
                        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
                        if greeting:
                            connection.sendall(greeting)
                        held.append(connection)
                    except OSError:
                        pass
                watched.all_is_well("%d %s %s" % (len(held), "greeting" if greeting else "idle", kind))
                for connection in held:
                    connection.close()


def slow_peers(watched):
    """Single bytes, again and again: of a greeting, of a handshake, of a request."""
    starts = [raw_grpc.PREFACE, b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 500, b"\x16\x03\x01\x02\x00\x01" + b"\0" * 500]
    held = []
    for port in watched.grpc + watched.http:
        for index in range(150):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            connection.setblocking(False)
            held.append((connection, starts[index % len(starts)]))
    for step in range(12):
        for connection, text in held:
            try:
                connection.send(text[step:step + 1])
            except OSError:
                pass
        if step % 6 == 5:
            watched.all_is_well("slow peers")
        time.sleep(0.3)
    for connection, _ in held:
        connection.close()


def random_bytes(watched):
    """Noise from the first byte, after a greeting, and within TLS."""
    rng = random.Random(7)
    for port in watched.grpc + watched.http:
        for index in range(60):
            noise = rng.randbytes(rng.randrange(1, 70_000))
            begin = [b"", raw_grpc.PREFACE, b"\x16\x03\x01", b"GET / HTTP/1.1\r\n"][index % 4]
            try:
                with watched.connect(port, watched.cluster.tls and index % 2 == 1) as connection:
                    connection.settimeout(0.2)
                    connection.sendall(begin + noise)
                    connection.recv(1000)
            except OSError:
                pass
    watched.all_is_well("random bytes")


def large_frames(watched):
    """Lengths of 1 GB and more in every place that holds one, and as many bytes as are taken."""
    paths = ["/weir.v1.JobService/Submit", "/weir.v1.Control/Connect", "/weir.v1.Exchange/Stream",
             "/grpc.health.v1.Health/Check"]
    tls = watched.cluster.tls
    stop = time.monotonic() + 8

    def pour(port, path, declared):
        """Messages said to be that long, on many streams of one connection, without a token."""
        try:
            with watched.connect(port, tls) as connection:
                connection.settimeout(1)
                connection.sendall(raw_grpc.PREFACE + raw_grpc.frame(raw_grpc.SETTINGS, 0, 0, b""))
                for stream in range(1, 41, 2):
                    connection.sendall(raw_grpc.frame(raw_grpc.HEADERS, raw_grpc.END_HEADERS, stream,
                                                      raw_grpc.request_headers(path, "x")))
                    connection.sendall(raw_grpc.frame(raw_grpc.DATA, 0, stream, b"\0" + struct.pack(">I", declared)))
                block = b"".join(raw_grpc.frame(raw_grpc.DATA, 0, s, b"x" * 16000) for s in range(1, 41, 2))
                while time.monotonic() < stop:
                    connection.sendall(block)
        except OSError:
            pass

    def frame_of_16_mib(port):
        try:
            with watched.connect(port, tls) as connection:
                connection.settimeout(1)
                connection.sendall(raw_grpc.PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01")
                while time.monotonic() < stop:
                    connection.sendall(b"x" * 1_000_000)
        except OSError:
            pass

    def http_body(port):
        try:
            with watched.connect(port, tls) as connection:
                connection.settimeout(1)
                connection.sendall(b"POST /metrics HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n")
                while time.monotonic() < stop:
                    connection.sendall(b"x" * 1_000_000)
        except OSError:
            pass

    threads = [threading.Thread(target=http_body, args=(port,)) for port in watched.http]
    for port in watched.grpc:
        threads.append(threading.Thread(target=frame_of_16_mib, args=(port,)))
        for path in paths:
            for declared in (1 << 30, 60_000_000):
                threads.append(threading.Thread(target=pour, args=(port, path, declared)))
    for thread in threads:
        thread.start()
    watched.all_is_well("large frames")
    for thread in threads:
        thread.join()


def plain_idle():
    """Idle connections to every port of a cluster without TLS."""
    attack("hostile-plain-idle", False, idle_connections)


def tls_idle():
    """Idle connections to every port of a cluster with TLS."""
    attack("hostile-tls-idle", True, idle_connections)


def plain_noise():
    """Slow peers, random bytes and large frames to every port of a cluster without TLS."""
    attack("hostile-plain-noise", False, lambda w: (slow_peers(w), random_bytes(w), large_frames(w)))


def tls_noise():
    """Slow peers, random bytes and large frames to every port of a cluster with TLS."""
    attack("hostile-tls-noise", True, lambda w: (slow_peers(w), random_bytes(w), large_frames(w)))


if __name__ == "__main__":
    main([plain_idle, tls_idle, plain_noise, tls_noise])
