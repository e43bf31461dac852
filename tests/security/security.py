#!/usr/bin/env python3
"""Who gets in, what a job may touch, and what is written down. Real processes, a CA made at run time.

security.py [TEST...]
"""
import os
import socket
import ssl
import subprocess
import warnings

from secure_cluster import TOKENS, SecureCluster, check  # finds the others
from certificates import Authority
from cluster import BINARY, DEADLINE, Process, free_port, main, run, tail, wait_until
import jobs


def served_certificate(cluster, port):
    """The serial number of the certificate that a port shows."""
    context = ssl.create_default_context(cafile=cluster.authority.ca)
    context.load_cert_chain(cluster.certificate, cluster.key)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            return connection.getpeercert()["serialNumber"]


def http_get(cluster, path, token=None, tls=True):
    request = "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, "Authorization: Bearer %s\r\n" % token if token else "")
    with socket.create_connection(("127.0.0.1", cluster.http_port), timeout=10) as plain:
        connection = plain
        if tls:
            context = ssl.create_default_context(cafile=cluster.authority.ca)
            context.load_cert_chain(cluster.certificate, cluster.key)
            connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
        connection.sendall(request.encode())
        answer = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return answer.decode()
            answer += part


def secured_cluster_works():
    """Mutual TLS and tokens on every port; a job with an exchange between TaskManagers; certificates change under it."""
    with SecureCluster("secured-cluster", taskmanagers=2, slots=1) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless", parallelism=2)))
        status = c.wait_checkpoint("endless")
        places = {t["taskmanager"] for t in status["tasks"]}
        check(len(places) == 2, "no exchange between TaskManagers: %s" % places)
        check("weir_refused_total" in http_get(c, "/metrics", TOKENS["read_only"]), "no metrics with a token")
        check(" 401 " in http_get(c, "/metrics"), "metrics without a token")
        check(" 403 " in http_get(c, "/metrics", TOKENS["taskmanager"]), "metrics with a TaskManager's token")
        check(" 200 " in http_get(c, "/healthz"), "no health")
        check("this port speaks TLS" in http_get(c, "/healthz", tls=False), "plain text to the HTTP port")

        port = int(c.address.split(":")[1])
        before = served_certificate(c, port)
        c.authority.issue("daemon")
        for one in (port, c.http_port):
            wait_until(lambda one=one: served_certificate(c, one) != before, "port %d shows the new certificate" % one)
        check(c.status("endless")["attempt"] == status["attempt"], "new certificates restarted the job")
        c.add_taskmanager("tm-late").start()
        c.wait_taskmanagers(3)
        # A token that is taken away is refused from then on.
        lines = "".join("%s x %s\n" % (r, t) for r, t in TOKENS.items() if r != "read_only")
        c.write("tokens.new", lines)
        os.replace(c.path("tokens.new"), c.path("tokens"))
        wait_until(lambda: " 401 " in http_get(c, "/metrics", TOKENS["read_only"]), "the token is not known any more")
        c.cli("cancel", "endless")


def refused_clients():
    """Wrong CA, wrong name, expired, plain text, no certificate, no token, wrong token, wrong role: 4 or 5, both logs."""
    with SecureCluster("refused-clients", taskmanagers=0) as c:
        log = c.jobmanager

        def refused(flags, *arguments, told, logged, code=5):
            result = c.as_client(flags, *arguments, expect=(code,))
            check(told in result.stderr, "the client does not say `%s`: %s" % (told, result.stderr))
            c.logged(log, logged, " ".join(arguments))
            for token in TOKENS.values():
                check(token not in result.stderr + result.stdout, "a token is quoted")

        other = Authority(c.path("other"), "other")
        mine, my_key = other.issue("client")
        refused(c.client_flags(ca=other.ca), "list", told="not trusted", logged="reason=tls_handshake")
        refused(c.client_flags(certificate=mine, key=my_key), "list", told="certificate", logged="certificate verify failed")
        expired, expired_key = c.authority.issue("expired", expired=True)
        refused(c.client_flags(certificate=expired, key=expired_key), "list", told="certificate",
                logged="reason=tls_handshake")
        refused(["--token-file", c.path("token-admin")], "list", told="it may speak TLS", logged="reason=plain_text")
        refused(["--tls-ca", c.authority.ca, "--token-file", c.path("token-admin")], "list",
                told="certificate", logged="did not return a certificate")
        refused(c.client_flags(role=None), "list", told="needs a token", logged="list without a token", code=4)
        c.write("token-unknown", "nobody-has-this-token\n")
        refused(c.client_flags(role="unknown"), "list", told="not known", logged="a token that is not known", code=4)
        job = c.write("job.yaml", jobs.endless("endless"))
        refused(c.client_flags(role="read_only"), "submit", job, "--detach", told="role admin",
                logged="submit needs a token of role admin", code=4)
        refused(c.client_flags(role="taskmanager"), "submit", job, "--detach", told="role admin",
                logged="`test-taskmanager` has role taskmanager", code=4)
        check(c.as_client(c.client_flags(role="read_only"), "list", expect=(0,)).returncode == 0, "read_only cannot read")
        check(c.ask("cluster") is not None, "the JobManager is not well")
        # Of an older version of TLS nothing is spoken.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            with socket.create_connection(("127.0.0.1", c.http_port), timeout=10) as plain:
                context.wrap_socket(plain)
            check(False, "TLS 1.1 is spoken")
        except (ssl.SSLError, OSError):
            pass
        metrics = http_get(c, "/metrics", TOKENS["admin"])
        for reason in ("plain_text", "tls_handshake", "no_credential", "forbidden"):
            check('weir_refused_total{reason="%s"} 0' % reason not in metrics, "%s is not counted" % reason)


def read_only_may_not_cancel():
    """A read-only token sees a job and cannot end it; what an admin does is audited."""
    with SecureCluster("read-only", taskmanagers=1) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless")))
        c.wait_state("endless", "RUNNING")
        for verb in ("cancel", "stop", "savepoint"):
            result = c.as_client(c.client_flags(role="read_only"), verb, "endless", expect=(4,))
            check("role admin" in result.stderr, result.stderr)
        check(c.status("endless")["state"] == "RUNNING", "it was ended")
        c.as_client(c.client_flags(role="read_only"), "status", "endless", expect=(0,))
        c.cli("cancel", "endless")
        text = tail(c.jobmanager.log, 4000)
        for verb in ("submit", "cancel"):
            check(any("category=audit" in line and "who=test-admin" in line and "verb=" + verb in line and
                      "result=OK" in line for line in text.splitlines()), "%s is not audited:\n%s" % (verb, text))
        for token in TOKENS.values():
            check(token not in text, "a token is in the log")


def wrong_servers():
    """An expired certificate and one of another name: clients and TaskManagers refuse the JobManager, and say why."""
    for kind, told in (("expired", "expired"), ("other-name", "another host")):
        with SecureCluster("wrong-server-" + kind, taskmanagers=0, client_certificates=False) as c:
            c.jobmanager.terminate()
            wrong = (c.authority.issue("wrong", expired=True) if kind == "expired"
                     else c.authority.issue("wrong", hosts="DNS:elsewhere.example"))
            config = c.path("jobmanager.yaml")
            with open(config, encoding="utf-8") as file:
                text = file.read().replace(c.certificate, wrong[0]).replace(c.key, wrong[1])
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            c.jobmanager.start()
            c.jobmanager.wait_ready()
            result = c.as_client(c.client_flags(), "list", expect=(5,))
            check(told in result.stderr, "the client does not say `%s`: %s" % (told, result.stderr))
            c.add_taskmanager("tm-1").start()
            c.logged(c.taskmanagers[0], told, kind)
            if kind == "expired":
                c.logged(c.jobmanager, "has expired", kind)


def refused_taskmanagers():
    """A job token, no token, the wrong CA and plain text on the control stream and between TaskManagers: refused."""
    with SecureCluster("refused-taskmanagers", taskmanagers=1) as c:
        def taskmanager(name, **settings):
            process = c.add_taskmanager(name)
            with open(c.path(name + ".yaml"), encoding="utf-8") as file:
                text = file.read().replace(c.security(), "") + c.security(**settings)
            with open(c.path(name + ".yaml"), "w", encoding="utf-8") as file:
                file.write(text)
            process.start()
            return process

        c.write("as-job", "taskmanager stolen " + TOKENS["admin"] + "\n")
        thief = taskmanager("tm-job-token", token_file=c.path("as-job"))
        c.logged(c.jobmanager, "control stream needs a token of role taskmanager", "job token")
        c.logged(thief, "needs a token of role taskmanager", "job token")
        c.write("as-unknown", "taskmanager nobody nobody-knows-this-token\n")
        unknown = taskmanager("tm-unknown", token_file=c.path("as-unknown"))
        c.logged(c.jobmanager, "control stream with a token that is not known", "unknown token")
        c.logged(unknown, "not known", "unknown token")
        other = Authority(c.path("other"), "other")
        certificate, key = other.issue("daemon")
        stranger = taskmanager("tm-stranger", certificate=certificate, key=key)
        c.logged(stranger, "certificate", "certificate of another CA")
        distrusts = taskmanager("tm-distrusts", ca=other.ca)
        c.logged(distrusts, "not trusted", "other CA")
        plain = c.add_taskmanager("tm-plain")
        with open(c.path("tm-plain.yaml"), encoding="utf-8") as file:
            text = file.read().replace(c.security(), "")
        with open(c.path("tm-plain.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        plain.start()
        c.logged(plain, "may speak TLS", "plain text")
        known = c.ask("cluster")["taskmanagers"]
        check([t["name"] for t in known] == ["tm-1"], "others are registered: %s" % known)
        no_token = c.write("no-own-token", "admin x " + TOKENS["admin"] + "\n")
        result = run([BINARY, "taskmanager", "--config", c.path("tm-1.yaml"), "--set", "auth.token_file=" + no_token,
                      "--set", "state_dir=" + c.path("tm-x")], expect=(1,))
        check("taskmanager NAME TOKEN" in result.stderr, result.stderr)


def open_addresses():
    """Other addresses than loopback need TLS and tokens, or --insecure."""
    with SecureCluster("open-addresses", taskmanagers=0) as c:
        config = c.path("jobmanager.yaml")
        base = [BINARY, "jobmanager", "--config", config, "--set", "state_dir=" + c.path("other-state"),
                "--set", "checkpoint_storage=file://" + c.path("other-storage"), "--set", "http_listen=off",
                "--set", "listen=0.0.0.0:%d" % free_port()]
        for without in (["--set", "auth.token_file=''"], ["--set", "tls.cert=''", "--set", "tls.key=''",
                                                           "--set", "tls.require_client_cert=false"]):
            result = run(base + without, expect=(78,))
            check("--insecure" in result.stderr and "auth.token_file" in result.stderr, result.stderr)
        process = Process("other", base, c.folder)
        process.start()
        process.wait_ready()
        check(process.terminate() == 0, "it does not end well")


SECRET_JOB = """version: 1
name: secret
checkpoint: {interval: 200ms}
restart: {strategy: fixed, initial_delay: 200ms, max_attempts: 3}
sources:
  numbers: {type: generator, rate: 100/s, fields: {n: sequence()}}
sinks:
  out:
    type: kafka
    input: numbers
    brokers: 127.0.0.1:%d
    topic: t
    format: {type: json}
    security:
      sasl: {mechanism: PLAIN, username: me, password: "${secret:kafka_password}"}
"""


def secrets():
    """A secret is resolved on the TaskManager alone, and lies nowhere else: state, checkpoints, logs, status, explain."""
    word = "correct-horse-battery-staple"
    with SecureCluster("secrets", taskmanagers=0, slots=4) as c:
        c.write("secrets/kafka_password", word + "\n")
        c.write("secrets/out_folder", c.path("out") + "\n")
        c.extra = "secrets_dir: %s\nallowed_paths: [%s]\n" % (c.path("secrets"), c.path("out"))
        c.add_taskmanager("tm-1").start()
        c.wait_taskmanagers(1)
        broker = socket.create_server(("127.0.0.1", 0))
        broker.settimeout(DEADLINE)
        job = c.write("kafka.yaml", SECRET_JOB % broker.getsockname()[1])
        explained = run([BINARY, "explain", job], expect=(0,)).stdout
        check(word not in explained, "the secret is explained: " + explained)
        identity = c.submit(job)
        check("was not tried out beforehand" in tail(c.jobmanager.log, 4000), "the JobManager has no secrets")
        for _ in range(3):  # the sink was made, with its password, and asks in vain
            broker.accept()[0].close()
        texts = c.cli("status", identity, "-o", "json").stdout + c.cli("status", identity).stdout
        check(word not in texts, "the secret is in the status: " + texts)

        file_job = c.write("file.yaml", jobs.endless("to-file").replace(
            "nowhere: {type: discard, input: per_key}",
            'out: {type: file, input: per_key, path: "${secret:out_folder}", format: {type: json}}'))
        c.submit(file_job)
        c.wait_checkpoint("to-file")
        wait_until(lambda: any(n.startswith("part-") for n in os.listdir(c.path("out"))), "rows in the folder of the secret")
        missing = c.submit(c.write("missing.yaml", SECRET_JOB.replace("kafka_password", "no_such").replace(
            "name: secret", "name: missing") % free_port()))
        failed = wait_until(lambda: c.status(missing) if c.status(missing)["state"] == "FAILED" else None,
                            "a job without its secret fails")
        check("no_such" in failed["failure"]["message"], "the secret is not named: %s" % failed["failure"])
        c.cli("cancel", "to-file")
        found = subprocess.run(["grep", "-rl", "--", word, c.folder], capture_output=True, text=True, check=False)
        check(found.stdout.split() == [c.path("secrets", "kafka_password")], "the secret lies in " + found.stdout)


def roots():
    """Files of jobs and checkpoints outside of allowed_paths are refused: traversal, links, patterns, storage."""
    with SecureCluster("roots", taskmanagers=0) as c:
        c.extra = "allowed_paths: [%s]\n" % c.path("data")
        c.write("data/in.jsonl", '{"n": 1}\n')
        c.write("elsewhere/in.jsonl", '{"n": 1}\n')
        os.symlink(c.path("elsewhere"), c.path("data", "link"))
        os.symlink(c.path("elsewhere", "in.jsonl"), c.path("data", "one.jsonl"))
        c.jobmanager.terminate()
        c.start_jobmanager()
        c.add_taskmanager("tm-1").start()
        c.wait_taskmanagers(1)

        def job(source, sink, storage=""):
            return c.write("job.yaml", """version: 1
name: files
%ssources:
  rows: {type: file, path: "%s", format: {type: json}, schema: {n: bigint}}
sinks:
  out: {type: file, path: "%s", input: rows, format: {type: json}}
""" % (storage, source, sink))

        good_in, good_out = c.path("data", "in.jsonl"), c.path("data", "out")
        for source, sink in (("/etc/passwd", good_out), (c.path("data", "..", "elsewhere", "in.jsonl"), good_out),
                             (c.path("data", "link", "in.jsonl"), good_out), (c.path("data", "one.jsonl"), good_out),
                             (c.path("*", "in.jsonl"), good_out), (good_in, c.path("elsewhere", "out")),
                             (good_in, c.path("data", "link", "out")), (good_in, c.path("data", "..", "out"))):
            result = c.cli("submit", job(source, sink), expect=(4,))
            check("allowed_paths" in result.stderr and (":4:" in result.stderr or ":6:" in result.stderr),
                  "%s -> %s: %s" % (source, sink, result.stderr))
        result = c.cli("submit", job(good_in, good_out, "checkpoint: {storage: 'file://%s'}\n" % c.path("stolen")),
                       expect=(1, 4, 78))
        check("allowed_paths" in result.stderr, "storage elsewhere: " + result.stderr)
        check(not os.path.exists(c.path("stolen")), "it was made all the same")
        # The pattern is checked by the TaskManager for each file that it finds.
        c.submit(job(c.path("data", "*.jsonl"), good_out))
        failed = wait_until(lambda: c.status("files") if c.status("files")["state"] in ("FAILED", "FINISHED") else None,
                            "the job ends")
        check(failed["state"] == "FAILED" and "allowed_paths" in failed["failure"]["message"], str(failed["failure"]))
        os.unlink(c.path("data", "one.jsonl"))
        c.cli("submit", job(c.path("data", "*.jsonl"), good_out))
        check(any(n.startswith("part-") for n in os.listdir(good_out)), "no output")
        check(sorted(os.listdir(c.path("elsewhere"))) == ["in.jsonl"], "something was written elsewhere")


if __name__ == "__main__":
    main([secured_cluster_works, refused_clients, read_only_may_not_cancel, wrong_servers, refused_taskmanagers,
          open_addresses, secrets, roots])
