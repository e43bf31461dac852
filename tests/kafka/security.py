#!/usr/bin/env python3
"""TLS and SASL against a broker that asks for them: a whole exactly-once job each way, clear errors for a wrong password
and a wrong CA, and no secret in anything that is printed or kept."""
import environment  # pylint: disable=unused-import

import os
import subprocess

import cluster
import job_files
from cluster import BINARY, Cluster, Failure, main, run, wait_until
from kafka_broker import WORK, Broker

USER, PASSWORD = "weir", "correct-horse-7c1f"
READER, READER_PASSWORD = "reader", "only-may-read-93ab"
WRONG_PASSWORD = "wrong-battery-44e0"
KEY_PASSWORD = "staple-of-the-key-5d"
SECRETS = (PASSWORD, READER_PASSWORD, WRONG_PASSWORD, KEY_PASSWORD, "PRIVATE KEY")
ROWS = 4000
PROBE = os.path.join(os.path.dirname(BINARY), "tests", "kafka", "weir_kafka_probe")


class Security:
    """Certificates made by openssl, the broker's listeners and users."""

    def __init__(self, name, listeners=("SSL", "SASL_SSL", "SASL_PLAINTEXT"), client_auth="none", acls=False):
        self.folder = os.path.join(WORK, name + "-certificates")
        self.listeners = listeners
        self.client_auth = client_auth
        self.acls = acls
        os.makedirs(self.folder, exist_ok=True)
        for authority in ("ca", "other-ca"):
            self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=" + authority,
                          "-keyout", authority + ".key", "-out", authority + ".pem")
        self._certificate("server", "localhost")
        self._certificate("client", "weir-client")
        self._openssl("pkey", "-in", "client.key", "-aes256", "-passout", "pass:" + KEY_PASSWORD, "-out", "client-locked.key")
        with open(self.path("keystore.pem"), "w", encoding="ascii") as store:
            for part in ("server.key", "server.pem"):
                with open(self.path(part), encoding="ascii") as file:
                    store.write(file.read())

    def path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl"] + list(arguments), cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure("openssl %s: %s" % (arguments[0], done.stderr))

    def _certificate(self, name, host):
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + host, "-keyout", name + ".key",
                      "-out", name + ".csr")
        with open(self.path(name + ".ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:%s\n" % host)
        self._openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "3650", "-extfile", name + ".ext", "-out", name + ".pem")

    def scram_users(self):
        return ["%s=[name=%s,password=%s]" % (mechanism, user, password)
                for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
                for user, password in ((USER, PASSWORD), (READER, READER_PASSWORD))]

    def broker_settings(self, ports):
        settings = {
            "ssl.keystore.type": "PEM", "ssl.keystore.location": self.path("keystore.pem"),
            "ssl.truststore.type": "PEM", "ssl.truststore.location": self.path("ca.pem"),
            "ssl.client.auth": self.client_auth,
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        }
        for listener in ports:
            if not listener.startswith("SASL"):
                continue
            at = "listener.name.%s." % listener.lower()
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                settings[at + mechanism + ".sasl.jaas.config"] = \
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            settings[at + "plain.sasl.jaas.config"] = \
                "org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=\"%s\" user_%s=\"%s\";" % (
                    USER, PASSWORD, READER, READER_PASSWORD)
        if self.acls:
            settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            settings["super.users"] = "User:ANONYMOUS"
        return settings


def tls(security, ca="ca.pem", **more):
    entries = ["ca: " + security.path(ca)] + ["%s: %s" % item for item in more.items()]
    return "tls: {%s}" % ", ".join(entries)


def sasl(mechanism, user=USER, password=PASSWORD):
    return "sasl: {mechanism: %s, username: %s, password: %s}" % (mechanism, user, password)


def ways(security):
    """name -> (listener, the job's `security`)"""
    return {
        "tls": ("SSL", "{%s}" % tls(security)),
        "scram-512-over-tls": ("SASL_SSL", "{%s, %s}" % (tls(security), sasl("SCRAM-SHA-512"))),
        "scram-256": ("SASL_PLAINTEXT", "{%s}" % sasl("SCRAM-SHA-256")),
        "plain-over-tls": ("SASL_SSL", "{%s, %s}" % (tls(security), sasl("PLAIN"))),
    }


def job_text(broker, listener, security, topic, source, name, **options):
    return job_files.passing(broker.address_of(listener), topic, source, name, both={"security": security},
                              source={"stop": "latest"}, **options)


def check_no_secrets(c, *texts):
    for text in texts:
        for secret in SECRETS:
            if secret in text:
                at = text.index(secret)
                raise Failure("a secret is printed: ...%s..." % text[max(0, at - 200):at + 30])
    for process in c.processes():
        for path in (process.log, process.out):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            for secret in SECRETS:
                if secret in text:
                    raise Failure("a secret is in %s: ...%s..." % (path, text[max(0, text.index(secret) - 300):][:330]))


def whole_jobs():
    """An exactly-once job through each way in, with a TaskManager killed in the first one."""
    security = Security("whole-jobs")
    with Broker("security", security=security) as broker, Cluster("kafka-security", taskmanagers=2, slots=2) as c:
        source = broker.create_topic("numbers", 2)
        job_files.load(broker.direct, source, ROWS)
        for name, (listener, section) in ways(security).items():
            topic = broker.create_topic("out-" + name, 2)
            killed = name.startswith("scram-512")
            text = job_text(broker, listener, section, topic, source, name)
            if killed:  # slowly, so that there is something to recover
                text = text.replace("    start: earliest\n", "    start: earliest\n    rate: 1000/s\n")
            path = c.write(name + ".yaml", text)
            explained = run([BINARY, "explain", path])
            c.submit(path)
            if killed:
                before = c.wait_checkpoint(name, after=2)
                victim = c.taskmanagers[0]
                victim.kill()
                victim.start()
                c.wait_for(name, "is restarted", lambda s, b=before: s["attempt"] > b["attempt"])
            c.wait_state(name, "FINISHED", 2 * cluster.DEADLINE)
            print("%s: %s" % (name, job_files.verify(broker.direct, topic, ids=ROWS)), flush=True)
            status = c.cli("status", name, "-o", "json").stdout + c.cli("status", name).stdout + c.cli("list").stdout
            check_no_secrets(c, explained.stdout + explained.stderr, status)
        job_files.check_no_residue(broker, "after the jobs")


def small_client():
    """Our own protocol client, alone: each way in, and what it says when it is not let in."""
    security = Security("small-client")
    with Broker("small-client", security=security) as broker:
        def probe(listener, *options, user=USER, password=PASSWORD, expect=(0,)):
            done = run([PROBE, "--brokers", broker.address_of(listener), "--timeout-ms", "5000", "--user", user]
                       + list(options) + ["list", ""], expect=expect, env=dict(os.environ, WEIR_KAFKA_PASSWORD=password))
            for secret in SECRETS:
                if secret in done.stdout + done.stderr:
                    raise Failure("a secret is printed: " + done.stderr)
            return done.stderr.lower()
        ca = ("--tls", "--ca", security.path("ca.pem"))
        probe("SSL", *ca)
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            probe("SASL_SSL", *ca, "--sasl", mechanism)
            probe("SASL_PLAINTEXT", "--sasl", mechanism)
            said = probe("SASL_SSL", *ca, "--sasl", mechanism, password=WRONG_PASSWORD, expect=(1,))
            if "authenticat" not in said:
                raise Failure("%s with a wrong password: %s" % (mechanism, said))
        said = probe("SSL", "--tls", "--ca", security.path("other-ca.pem"), expect=(1,))
        if "certificate" not in said:
            raise Failure("a wrong CA: " + said)
        said = probe("SSL", expect=(1,))  # plaintext to a TLS listener
        print("small_client: plaintext to TLS: " + said.strip()[:300])
        said = probe("PLAINTEXT", *ca, expect=(1,))
        print("small_client: TLS to plaintext: " + said.strip()[:300], flush=True)


def client_certificate():
    """A broker that asks for a certificate of ours, with a locked key."""
    security = Security("client-certificate", listeners=("SSL",), client_auth="required")
    with Broker("mutual-tls", security=security) as broker, Cluster("kafka-mutual-tls", taskmanagers=1, slots=2) as c:
        source, topic = broker.create_topic("numbers", 2), broker.create_topic("out", 2)
        job_files.load(broker.direct, source, ROWS)
        section = "{%s}" % tls(security, cert=security.path("client.pem"), key=security.path("client-locked.key"),
                               key_password=KEY_PASSWORD)
        c.submit(c.write("job.yaml", job_text(broker, "SSL", section, topic, source, "mutual-tls")))
        c.wait_state("mutual-tls", "FINISHED")
        job_files.verify(broker.direct, topic, ids=ROWS)
        without = job_text(broker, "SSL", "{%s}" % tls(security), topic, source, "without")
        refused(c, c.write("without.yaml", without), broker.address_of("SSL"))
        check_no_secrets(c)


def refused(c, path, *words):
    """Submit is refused soon, with these words and nothing secret; what it says is returned."""
    result = c.cli("submit", path, expect=(1, 4, 78))
    for word in words:
        if word.lower() not in result.stderr.lower():
            raise Failure("`%s` is not told:\n%s" % (word, result.stderr))
    check_no_secrets(c, result.stdout, result.stderr)
    return result


def wrong_credentials():
    """A wrong password, a wrong CA, a wrong protocol: refused at submit, with the cause."""
    security = Security("wrong-credentials")
    with Broker("wrong", security=security) as broker, Cluster("kafka-wrong", taskmanagers=1, slots=2) as c:
        source, topic = broker.create_topic("numbers", 2), broker.create_topic("out", 2)
        wrong = {
            "scram": ("SASL_SSL", "{%s, %s}" % (tls(security), sasl("SCRAM-SHA-512", password=WRONG_PASSWORD)),
                      ("authenticat",)),
            "plain": ("SASL_PLAINTEXT", "{%s}" % sasl("PLAIN", password=WRONG_PASSWORD), ("authenticat",)),
            "ca": ("SSL", "{%s}" % tls(security, "other-ca.pem"), ("certificate",)),
            "ca-with-sasl": ("SASL_SSL", "{%s, %s}" % (tls(security, "other-ca.pem"), sasl("PLAIN")), ("certificate",)),
            "mechanism": ("SASL_PLAINTEXT", "{%s}" % sasl("SCRAM-SHA-1"), ()),
            "no-such-ca": ("SSL", "{%s}" % tls(security, "no-such.pem"), ("no-such.pem",)),
        }
        for name, (listener, section, words) in wrong.items():
            text = job_text(broker, listener, section, topic, source, "wrong-" + name)
            path = c.write(name + ".yaml", text)
            result = refused(c, path, broker.address_of(listener) if words and "no-such" not in name else "", *words)
            print("%s: %s" % (name, result.stderr.strip().splitlines()[-1][:300]), flush=True)
            if name in ("plain", "ca"):
                live = run([BINARY, "lint", "--live", path], expect=(1, 4, 78))
                check_no_secrets(c, live.stdout, live.stderr)


def password_changed_while_running():
    """The password no longer counts after a restart: the job fails, names the cause, and does not restart for ever."""
    security = Security("password-changed")
    with Broker("changed", security=security) as broker, Cluster("kafka-changed", taskmanagers=1, slots=2) as c:
        source, topic = broker.create_topic("numbers", 2), broker.create_topic("out", 2)
        section = "{%s}" % sasl("SCRAM-SHA-512")
        text = job_files.passing(broker.address_of("SASL_PLAINTEXT"), topic, source, "changed",
                                  both={"security": section}, max_attempts=100000)
        c.submit(c.write("job.yaml", text))
        c.wait_checkpoint("changed")
        broker.tool("kafka.admin.ConfigCommand", "--alter",
                    "--entity-type", "users", "--entity-name", USER, "--add-config",
                    "SCRAM-SHA-512=[password=another-one-6e]")
        victim = c.taskmanagers[0]
        victim.kill()
        victim.start()
        c.wait_taskmanagers(1)
        status = wait_until(lambda: (lambda s: s if s and s["state"] == "FAILED" else None)(c.status("changed")),
                            "the job is FAILED", 2 * cluster.DEADLINE)
        if "authenticat" not in str(status["failure"]).lower():
            raise Failure("the cause is not told: %s" % status["failure"])
        check_no_secrets(c, str(status))


if __name__ == "__main__":
    main([whole_jobs, small_client, client_certificate, wrong_credentials, password_changed_while_running])
