"""A cluster of real processes with mutual TLS and tokens."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))
# pylint: disable=wrong-import-position
from certificates import Authority  # noqa: E402
from cluster import Cluster, Failure, tail, wait_until  # noqa: E402

TOKENS = {"admin": "admin-token-0123456789abcdef", "read_only": "reader-token-0123456789abcdef",
          "taskmanager": "tasks-token-0123456789abcdef"}


def check(condition, message):
    if not condition:
        raise Failure(message)


class SecureCluster(Cluster):
    """TLS with client certificates on every port, and a token file; `extra` goes into both daemons' configuration."""

    def __init__(self, name, extra="", tls=True, tokens=True, client_certificates=True, **options):
        super().__init__(name, **options)
        self.tls = tls
        self.extra = extra
        self.tokens = tokens
        self.client_certificates = client_certificates
        self.authority = Authority(self.path("certificates"))
        self.certificate, self.key = self.authority.issue("daemon")
        super().write("tokens", "".join("%s test-%s %s\n" % (role, role, token) for role, token in TOKENS.items()))
        for role, token in TOKENS.items():
            super().write("token-" + role, token + "\n")
        for file in ["tokens"] + ["token-" + role for role in TOKENS]:
            os.chmod(self.path(file), 0o600)
        self.client = self.client_flags()

    def client_flags(self, role="admin", ca=None, certificate=None, key=None):
        flags = []
        if self.tls:
            flags += ["--tls-ca", ca or self.authority.ca]
            if self.client_certificates:
                flags += ["--tls-cert", certificate or self.certificate, "--tls-key", key or self.key]
        if self.tokens and role:
            flags += ["--token-file", self.path("token-" + role)]
        return flags

    def security(self, certificate=None, key=None, ca=None, token_file=None):
        """The lines of a daemon's configuration."""
        text = self.extra
        if self.tls:
            text += "tls: {cert: %s, key: %s, ca: %s%s}\n" % (
                certificate or self.certificate, key or self.key, ca or self.authority.ca,
                ", require_client_cert: true" if self.client_certificates else "")
        if self.tokens:
            text += "auth: {token_file: %s}\n" % (token_file or self.path("tokens"))
        return text

    def write(self, name, text):
        if name == "jobmanager.yaml" or name.startswith("tm-"):
            text += self.security()
        return super().write(name, text)

    def command(self, *arguments):
        return super().command(*arguments) + self.client

    def as_client(self, flags, *arguments, expect=(4, 5)):
        """A verb with other flags than the cluster's own."""
        own, self.client = self.client, flags
        try:
            return self.cli(*arguments, expect=expect)
        finally:
            self.client = own

    def logged(self, process, text, what):
        wait_until(lambda: text in tail(process.log, 4000), "%s logs `%s` (%s)" % (process.name, text, what))
