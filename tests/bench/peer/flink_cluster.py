"""A Flink cluster of this machine's: one JobManager, one TaskManager, a SQL gateway. Jars from PyPI and Maven Central.

They lie in $WEIR_FLINK_DIR (default build/flink) and are fetched once.
"""
import atexit
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

import machine
import cluster

VERSION = "2.3.0"
FOLDER = os.environ.get("WEIR_FLINK_DIR", os.path.join(machine.ROOT, "build", "flink"))
HOME = os.path.join(FOLDER, "flink-" + VERSION)
POM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pom.xml")
# What Flink's own scripts give a JVM of 17.
OPENS = ["--add-opens=java.base/%s=ALL-UNNAMED" % p for p in (
    "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time", "java.util",
    "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks")] + [
        "--add-exports=java.base/sun.net.util=ALL-UNNAMED", "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
        "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED"]
LOGGING = """rootLogger.level = WARN
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %-5p %c{1} %m%n%xEx
"""
# As the published Nexmark runs have it: object reuse, incremental RocksDB, mini-batches, two-phase aggregation.
SETTINGS = {
    "pipeline.object-reuse": "true",
    "state.backend.type": "rocksdb",
    "execution.checkpointing.incremental": "true",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "state.backend.rocksdb.memory.managed": "true",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "2s",
    "table.exec.mini-batch.size": "50000",
    "table.optimizer.distinct-agg.split.enabled": "true",
    "table.local-time-zone": "UTC",
}


def install():
    """Fetches the jars unless they are there."""
    if os.path.exists(os.path.join(HOME, ".complete")):
        return
    print("  fetching Flink %s into %s" % (VERSION, HOME), flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    os.makedirs(HOME)
    venv = os.path.join(FOLDER, "venv")
    _call([sys.executable, "-m", "venv", venv])
    # A source package: nothing of it is built, the jars are taken out.
    _call([os.path.join(venv, "bin", "python"), "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "-q", "-d",
           FOLDER, "apache-flink-libraries==" + VERSION])
    package = os.path.join(FOLDER, "apache_flink_libraries-%s.tar.gz" % VERSION)
    with tarfile.open(package) as archive:
        for member in archive.getmembers():
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] == "deps" and parts[2] in ("bin", "lib") and member.isfile():
                member.name = "/".join(parts[2:])
                archive.extract(member, HOME)
    os.remove(package)
    _call(["mvn", "-q", "-B", "-C", "-f", POM, "-Dflink.version=" + VERSION, "dependency:copy-dependencies",
           "-DoutputDirectory=" + os.path.join(HOME, "extra"), "-DexcludeTransitive=true"])
    with open(os.path.join(HOME, ".complete"), "w", encoding="ascii"):
        pass


def _call(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise cluster.Failure("%s: %s" % (" ".join(command[:6]), (done.stdout + done.stderr)[-2000:]))


class FlinkCluster:
    """Started by the constructor, ended by stop(). slots: of the one TaskManager."""

    def __init__(self, slots=2, memory="4g"):
        install()
        self.folder = os.path.join(FOLDER, "run")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.slots, self.memory = slots, memory
        self.rest_port, self.gateway_port, self.rpc_port = (cluster.free_port() for _ in range(3))
        self.jobmanager = self.taskmanager = self.gateway = self._session = None
        atexit.register(self.stop)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def daemons(self):
        """What corresponds to Weir's: not the gateway, which plans the queries."""
        return [self.jobmanager, self.taskmanager]

    def stop(self):
        for process in (self.gateway, self.taskmanager, self.jobmanager):
            if process is not None:
                process.kill()
        self.gateway = self.taskmanager = self.jobmanager = None

    def _start(self):
        config = os.path.join(self.folder, "conf")
        os.makedirs(config)
        settings = dict(SETTINGS, **{
            "jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": self.rpc_port, "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": "1600m", "taskmanager.host": "127.0.0.1", "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": self.slots, "taskmanager.memory.process.size": self.memory,
            "rest.address": "127.0.0.1", "rest.bind-address": "127.0.0.1", "rest.port": self.rest_port,
            "io.tmp.dirs": os.path.join(self.folder, "tmp"),
            "execution.checkpointing.dir": "file://" + os.path.join(self.folder, "checkpoints"),
            "sql-gateway.endpoint.rest.address": "127.0.0.1", "sql-gateway.endpoint.rest.port": self.gateway_port,
            "parallelism.default": self.slots, "restart-strategy.type": "none"})
        os.makedirs(os.path.join(self.folder, "tmp"))
        with open(os.path.join(config, "config.yaml"), "w", encoding="utf-8") as file:
            file.writelines("%s: %s\n" % (k, json.dumps(str(v))) for k, v in settings.items())
        with open(os.path.join(config, "log4j.properties"), "w", encoding="utf-8") as file:
            file.write(LOGGING)
        options, properties = self._memory(config, "GET_JM_RESOURCE_PARAMS")
        self.jobmanager = self._java("jobmanager", options, [
            "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", config] + properties)
        options, properties = self._memory(config, "GET_TM_RESOURCE_PARAMS")
        self.taskmanager = self._java("taskmanager", ["-XX:+UseG1GC"] + options, [
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", config] + properties)
        self.gateway = self._java("gateway", ["-Xmx512m"], ["org.apache.flink.table.gateway.SqlGateway"], config)
        cluster.wait_until(lambda: (self.ask("/taskmanagers") or {}).get("taskmanagers"), "Flink's TaskManager is there", 120)
        cluster.wait_until(self._open_session, "Flink's SQL gateway answers", 120)

    def _memory(self, config, what):
        """Options of the JVM and dynamic properties, as Flink's scripts find them."""
        done = subprocess.run(["java", "-Dlog4j.configurationFile=" + os.path.join(config, "log4j.properties"), "-cp",
                               os.path.join(HOME, "bin", "bash-java-utils.jar") + ":" + os.path.join(HOME, "lib", "*"),
                               "org.apache.flink.runtime.util.bash.BashJavaUtils", what, "--configDir", config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        lines = [line.split(":", 1)[1] for line in done.stdout.splitlines() if line.startswith("BASH_JAVA_UTILS_EXEC_RESULT:")]
        if len(lines) != 2:
            raise cluster.Failure("%s: %s%s" % (what, done.stdout[-1000:], done.stderr[-1000:]))
        return shlex.split(lines[0]), shlex.split(lines[1])

    def _java(self, name, options, arguments, config=None):
        command = ["java"] + OPENS + options + [
            "-Dlog4j.configurationFile=" + os.path.join(self.folder, "conf", "log4j.properties"), "-cp",
            os.path.join(HOME, "lib", "*") + ":" + os.path.join(HOME, "extra", "*")] + arguments
        process = cluster.Process("flink-" + name, command, self.folder)
        process.start({"FLINK_CONF_DIR": config or os.path.join(self.folder, "conf"), "FLINK_LIB_DIR": os.path.join(HOME, "lib")})
        return process

    # ---- REST

    def ask(self, path, body=None, port=None, quiet=True):
        url = "http://127.0.0.1:%d%s" % (port or self.rest_port, path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            if quiet:
                return None
            raise cluster.Failure("Flink %s: %s" % (path, error.read().decode("utf-8", "replace")[-4000:])) from None
        except (urllib.error.URLError, OSError):
            for process in (self.jobmanager, self.taskmanager, self.gateway):
                if process is not None and not process.alive():
                    raise cluster.Failure("%s ended\n%s" % (process.name, cluster.tail(process.log))) from None
            return None

    def _open_session(self):
        answer = self.ask("/v1/sessions", {}, self.gateway_port)
        self._session = answer and answer["sessionHandle"]
        return self._session

    def execute(self, statement):
        """One statement; for an INSERT the job's id, as soon as it is submitted."""
        path = "/v1/sessions/%s" % self._session
        handle = self.ask(path + "/statements", {"statement": statement}, self.gateway_port, quiet=False)["operationHandle"]
        path += "/operations/%s" % handle

        def ended():
            status = self.ask(path + "/status", None, self.gateway_port)
            return status and status["status"] in ("FINISHED", "ERROR", "CANCELED") and status["status"]
        cluster.wait_until(ended, statement[:60], 120, interval=0.03)
        answer = self.ask(path + "/result/0?rowFormat=JSON", None, self.gateway_port, quiet=False)
        self.ask(path + "/close", None, self.gateway_port)
        return answer.get("jobID")

    def run(self, statements, rows, settings=None, deadline=1200):
        """Runs `statements`, of which the last is an INSERT, as a job to its end; what the job took, as job_run.run has it."""
        self._open_session()  # nothing of the query before
        for key, value in (settings or {}).items():
            self.execute("SET '%s' = '%s'" % (key, value))
        for statement in statements[:-1]:
            self.execute(statement)
        before = machine.cpu_of(self.daemons)
        with machine.PeakMemory([self.taskmanager]) as peak:
            began = time.monotonic()
            job = self.execute(statements[-1])
            status = cluster.wait_until(lambda: self._ended(job), "Flink's job ends", deadline, interval=0.05)
            seconds = time.monotonic() - began
        if status["state"] != "FINISHED":
            causes = self.ask("/jobs/%s/exceptions" % job) or {}
            raise cluster.Failure("Flink's job is %s: %s" % (status["state"], json.dumps(causes)[:3000]))
        cpu = machine.cpu_of(self.daemons) - before
        figures = {"seconds": seconds, "job_seconds": status["duration"] / 1000, "rows": rows, "cpu_seconds": cpu,
                   "peak_memory_mb": peak.mb, "checkpoints": self._checkpoints(job)}
        figures["cpu_per_million"] = cpu / rows * 1e6
        figures["rows_per_second"] = rows / seconds
        figures["rows_per_core_second"] = rows / cpu
        figures["cores_used"] = cpu / seconds
        return figures

    def _ended(self, job):
        status = self.ask("/jobs/" + job)
        return status and status["state"] in ("FINISHED", "FAILED", "CANCELED") and status

    def _checkpoints(self, job):
        return ((self.ask("/jobs/%s/checkpoints" % job) or {}).get("counts") or {}).get("completed", 0)
