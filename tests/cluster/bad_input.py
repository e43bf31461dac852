#!/usr/bin/env python3
"""What users and strangers get wrong: each is a clear error for its user, nothing crashes, nothing is lost."""
import collections
import json
import os
import re
import time

import jobs
import raw_grpc
import results
from cluster import BINARY, DEADLINE, Cluster, Failure, describe_exit, main, run, tail, wait_until

TEN_MISTAKES = """version: 1
name: ten-mistakes
paralelism: 2
guarantee: exactly_one
checkpoint: {interval: 10}
sources:
  transactions:
    type: file
    path: /tmp/in.jsonl
    format: {type: jsonn}
    schema: {user: sting not null, amount: "decimal(12,2)", ts: timestamp not null}
    event_time: {field: tss, max_delay: 5s}
operators:
  per_user:
    type: window_agregate
    input: transactions
  large: {type: filter, input: transactions, where: amout > 10}
  picked: {type: select, input: larg, fields: {user: user}}
sinks:
  out:
    type: file
    input: large
    path: /tmp/out
    format: {type: json}
    path: /tmp/other
"""
# What must be found, with the line, and the name that must be proposed where one is near.
EXPECTED = [(3, "parallelism"), (4, "exactly_once"), (5, None), (10, "json"), (11, "string"), (12, "ts"),
            (15, "window_aggregate"), (17, "amount"), (18, "large"), (25, None)]


def check(condition, message):
    if not condition:
        raise Failure(message)


def lint(c, text, name="bad.yaml", expect=(78,)):
    path = c.write(name, text)
    return path, run([BINARY, "lint", path], expect=expect)


def errors_of(result):
    return [m.groups() for m in re.finditer(r"^(.*?):(\d+):(\d+): error: (.*)$", result.stderr + result.stdout, re.M)]


def ten_mistakes():
    with Cluster("ten-mistakes", taskmanagers=0) as c:
        path, result = lint(c, TEN_MISTAKES)
        errors = errors_of(result)
        for line, proposal in EXPECTED:
            at = [e for e in errors if int(e[1]) == line]
            check(at, "no error at line %d:\n%s" % (line, result.stderr))
            check(all(e[0] == path for e in at), "the file's name: %s" % at)
            if proposal:
                check(any("`%s`" % proposal in e[3] for e in at), "line %d does not propose `%s`: %s" % (line, proposal, at))
        check(result.stderr.count("^") >= len(EXPECTED), "carets are missing:\n" + result.stderr)
        c.cli("submit", path, expect=(78,))
        run([BINARY, "run", path], expect=(78,))


def yaml_attacks():
    """Malformed YAML, 10 MB, an alias bomb, deep nesting, binary: refused with a line, soon, in little memory."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        "a%d: &a%d [%s]\n" % (i, i, ", ".join(["*a%d" % (i - 1)] * 9)) for i in range(1, 30))
    deep = {"brackets": "[" * 200_000, "braces": "a: " + "{b: " * 100_000,
            "indented": "\n".join("%sa:" % (" " * i) for i in range(3000)), "dashes": "- " * 100_000}
    with Cluster("yaml-attacks", taskmanagers=0) as c:
        cases = {"malformed.yaml": "version: 1\nname: [x\nsources: }\n", "tab.yaml": "version: 1\n\tname: x\n",
                 "empty.yaml": "", "scalar.yaml": "hello", "list.yaml": "- a\n- b\n", "bomb.yaml": bomb,
                 "large.yaml": "version: 1\nname: x\n" + "# " + "x" * 98 + "\n" + "k: v\n" * 2_000_000,
                 "two-documents.yaml": "version: 1\n---\nversion: 1\n", "nul.yaml": "version: \0\n",
                 "key.yaml": "? {a: b}\n: c\n"}
        cases.update({"deep-%s.yaml" % k: v for k, v in deep.items()})
        for name, text in cases.items():
            began = time.monotonic()
            _, result = lint(c, text, name)
            check("error: " in result.stderr, "%s: no error is told: %r" % (name, result.stderr[:500]))
            check(len(result.stderr) < 200_000, "%s: %d bytes of errors" % (name, len(result.stderr)))
            check(time.monotonic() - began < DEADLINE / 2, "%s: takes %.0f s" % (name, time.monotonic() - began))
        binary = c.path("binary.yaml")
        with open(binary, "wb") as file:
            file.write(bytes(range(256)) * 100)
        check("error: " in run([BINARY, "lint", binary], expect=(78,)).stderr, "binary: no error is told")
        result = run([BINARY, "lint", c.path("no-such.yaml")], expect=(78, 2))
        check("no-such.yaml" in result.stderr, "a missing file is not named: " + result.stderr)
        run([BINARY, "lint", c.folder], expect=(78, 2))


def does_not_fit():
    """More slots than there are: refused after 10 s with need and have."""
    with Cluster("does-not-fit", taskmanagers=1, slots=2) as c:
        result = c.cli("submit", c.write("job.yaml", jobs.endless("wide", parallelism=7)), expect=(4,))
        check("7" in result.stderr and "2" in result.stderr, "need and have are not told: " + result.stderr)
        c.submit(c.write("fits.yaml", jobs.endless("fits", parallelism=2)))  # nothing is kept of the refused one
        c.wait_state("fits", "RUNNING")


def unwritable_folder():
    with Cluster("unwritable", taskmanagers=1, slots=2) as c:
        transactions = results.transactions(c.path("t.jsonl"), 1000)
        in_the_way = c.write("a-file", "not a folder")
        job = c.write("job.yaml", jobs.fraud_alert(transactions, in_the_way + "/alerts", parallelism=1, max_attempts=2))
        result = c.cli("submit", job, expect=(1, 4, 78))
        check("a-file" in result.stderr, "the folder is not named: " + result.stderr)
        check(in_the_way and open(in_the_way, encoding="ascii").read() == "not a folder", "the file was changed")
        missing = c.write("missing.yaml", jobs.fraud_alert(c.path("no-such-input.jsonl"), c.path("alerts"), "missing",
                                                           parallelism=1, max_attempts=2))
        result = c.cli("submit", missing, expect=(1, 4, 78))
        check("no-such-input" in result.stderr, "the missing input is not named: " + result.stderr)


def strange_bytes():
    """Malformed and oversized RPC at every port: the daemons live, a running job does not notice."""
    with Cluster("strange-bytes", taskmanagers=1, slots=2) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless", parallelism=2)))
        before = c.wait_checkpoint("endless")
        addresses = [c.address, "127.0.0.1:%d" % c.http_port, c.ask("cluster")["taskmanagers"][0]["address"]]
        noise = bytes((i * 7919) >> 3 & 0xFF for i in range(100_000))
        paths = ["/weir.v1.JobService/Submit", "/weir.v1.JobService/Get", "/weir.v1.Control/Connect",
                 "/weir.v1.Exchange/Stream", "/weir.v1.NoService/None",
                 "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]
        for address in addresses:
            raw_grpc.send(address, noise, seconds=2)
            raw_grpc.send(address, raw_grpc.PREFACE + noise, seconds=2)
            raw_grpc.send(address, b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n", seconds=2)
            raw_grpc.send(address, b"GET /nothing-here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", seconds=2)
        for address in (addresses[0], addresses[2]):
            for path in paths:
                raw_grpc.call(address, path, b"\xff" * 300)
                raw_grpc.call(address, path, b"", declared_bytes=3)
                raw_grpc.call(address, path, b"\x0a", declared_bytes=0xFFFFFFFF)
            raw_grpc.call(address, paths[0], b"\x0a\x84\xd2\xd8\x13" + b"x" * 41_000_000)  # a field of 40 MB
        for process in c.processes():
            check(process.alive(), "%s: %s\n%s" % (process.name, describe_exit(process.popen.poll()), tail(process.log)))
        after = c.wait_checkpoint("endless", after=c.status("endless")["last_checkpoint"]["id"])
        check(after["attempt"] == before["attempt"], "the job was restarted: %s" % after["failure"])


def another_version():
    """A TaskManager of another build is refused, with both versions told; the cluster goes on."""
    with Cluster("another-version", taskmanagers=1, slots=2) as c:
        build = c.ask("cluster")["build_id"].encode()
        with open(BINARY, "rb") as file:
            image = file.read()
        check(build in image, "the build id %s is not in the executable" % build)
        other = c.path("weir-other")
        with open(other, "wb") as file:
            file.write(image.replace(build, build[:-1] + (b"0" if build[-1:] != b"0" else b"1")))
        os.chmod(other, 0o755)
        stranger = c.add_taskmanager("stranger", binary=other)
        stranger.start()
        code = stranger.wait_exit()
        log = tail(stranger.log)
        check(code not in (0, 70) and code > 0, "a TaskManager of another version: %s\n%s" % (describe_exit(code), log))
        check("build" in log or "version" in log, "the reason is not told:\n" + log)
        check(len(c.ask("cluster")["taskmanagers"]) == 1, "it was registered")
        twin = c.add_taskmanager("tm-1")  # a name that is taken by a living one
        twin.out, twin.log = c.path("twin.out"), c.path("twin.log")
        twin.start()
        check(twin.wait_exit() not in (0, 70), "a second tm-1 was not refused")


def two_jobmanagers():
    """On one state_dir, and on one port: the second refuses and says why, the first goes on."""
    with Cluster("two-jobmanagers", taskmanagers=1, slots=2) as c:
        c.submit(c.write("job.yaml", jobs.endless("endless")))
        before = c.wait_checkpoint("endless")
        config = c.path("jobmanager.yaml")
        second = [BINARY, "jobmanager", "--config", config, "--set", "http_listen=off"]
        same_folder = run(second + ["--set", "listen=127.0.0.1:0"], expect=None, deadline=2 * DEADLINE)
        check(same_folder.returncode not in (0, 70), "it started: " + same_folder.stderr)
        check("jobmanager-state" in same_folder.stderr, "the folder is not named: " + same_folder.stderr)
        same_port = run(second + ["--set", "state_dir=" + c.path("other-state"),
                                  "--set", "checkpoint_storage=file://" + c.path("other-checkpoints")],
                        expect=None, deadline=2 * DEADLINE)
        check(same_port.returncode not in (0, 70), "it started: " + same_port.stderr)
        check(c.address in same_port.stderr, "the address is not named: " + same_port.stderr)
        after = c.wait_checkpoint("endless", after=before["last_checkpoint"]["id"])
        check(after["attempt"] == before["attempt"], "the job was restarted")


def bad_configuration():
    """Unknown keys and wrong values of the daemons' configuration, all at once, exit 78."""
    with Cluster("bad-configuration", taskmanagers=0) as c:
        config = c.write("tm.yaml", "jobmanagr: 127.0.0.1:6123\nslots: many\nmemory: 4 elephants\n")
        result = run([BINARY, "taskmanager", "--config", config], expect=(78,))
        for word in ("jobmanager", "slots", "memory"):
            check(word in result.stderr, "%s is not told: %s" % (word, result.stderr))
        result = run([BINARY, "jobmanager", "--config", c.path("jobmanager.yaml"), "--set", "heartbeat.intervall=1s"],
                     expect=(78, 2))
        check("interval" in result.stderr, "no nearest name: " + result.stderr)
        result = run([BINARY, "jobmanager", "--config", c.path("jobmanager.yaml"), "--set", "listen=0.0.0.0:0"],
                     expect=None)
        check(result.returncode not in (0, 70) and "insecure" in result.stderr, "it binds to all: " + result.stderr)


ROWS_JOB = """version: 1
name: rows-{on_error}
sources:
  rows:
    type: file
    path: {path}
    format: {{type: json, on_error: {on_error}}}
    schema: {{id: bigint not null, price: "decimal(8,2)", seen: timestamp}}
operators:
  cheap: {{type: filter, input: rows, where: price is null or price < 1000}}
sinks:
  good: {{type: file, input: cheap, path: {good}, format: {{type: json}}}}
"""
ERRORS_SINK = "  bad: {{type: file, input: rows.errors, path: {bad}, format: {{type: json}}}}\n"
BAD_LINES = ['{"id": 1.5}', '{"id": "7"}', '{"price": 3}', '{"id": 99999999999999999999}', '{"id": 1', "nonsense",
             '{"id": null}', '[1, 2]', '{"id": 4, "price": "x"}', '{"id": 5, "seen": "yesterday"}', '{"id": tru}']


def bad_rows():
    """on_error: fail names file and line, skip counts, route sends the line on. Good rows are all there."""
    with Cluster("bad-rows", taskmanagers=1, slots=2) as c:
        lines = []
        for i in range(5000):
            lines.append('{"id": %d, "price": 12.345, "seen": "2024-02-29T12:00:00Z", "unread": {"x": [1]}}' % i)
            if i % 500 == 250:
                lines.append(BAD_LINES[i // 500])
        lines.append(BAD_LINES[-1])
        path = c.write("rows.jsonl", "\n".join(lines) + "\n")
        bad = [i for i, line in enumerate(lines, 1) if line in BAD_LINES]
        texts = {e: ROWS_JOB.format(on_error=e, path=path, good=c.path("good-" + e)) for e in ("fail", "skip", "route")}
        texts["route"] += ERRORS_SINK.format(bad=c.path("bad"))

        result = c.cli("submit", c.write("fail.yaml", texts["fail"]), expect=(1,))
        check("rows.jsonl:%d" % bad[0] in result.stderr, "file:line of the first bad row: " + result.stderr)
        check(c.status("rows-fail")["restarts"] == 0, "a user's error was retried")
        good = collections.Counter(range(5000))
        for on_error in ("skip", "route"):
            c.cli("submit", c.write(on_error + ".yaml", texts[on_error]))
            rows = results.committed_rows(c.path("good-" + on_error))
            check(collections.Counter(r["id"] for r in rows) == good, "%s: good rows are missing or doubled" % on_error)
            check(all(str(r["price"]) == "12.35" for r in rows), "decimals are not rounded half up: %s" % rows[0])
        skipped = sum(t.get("skipped_rows", 0) for t in c.status("rows-skip")["tasks"])
        check(skipped == len(bad), "skipped %d, told %d" % (len(bad), skipped))
        routed = results.committed_rows(c.path("bad"))
        check(sorted(r["raw"] for r in routed) == sorted(BAD_LINES), "routed: %s" % json.dumps(routed))
        check(all("rows.jsonl:" in r["origin"] and r["error"] for r in routed), "origin and error: %s" % routed[:2])


def bad_expressions():
    """A division by zero fails the job with node and expression, without restarts."""
    with Cluster("bad-expressions", taskmanagers=1, slots=2) as c:
        path = c.write("rows.jsonl", "".join('{"id": %d}\n' % (10 - i) for i in range(20)))
        text = """version: 1
name: division
sources:
  rows: {type: file, path: %s, format: {type: json}, schema: {id: bigint not null}}
operators:
  halves: {type: select, input: rows, fields: {q: "100 / id"}}
sinks:
  out: {type: file, input: halves, path: %s, format: {type: json}}
""" % (path, c.path("out"))
        result = c.cli("submit", c.write("division.yaml", text), expect=(1,))
        check("halves" in result.stderr and "zero" in result.stderr, "the cause is not told: " + result.stderr)
        status = wait_until(lambda: c.status("division"), "status")
        check(status["state"] == "FAILED" and status["restarts"] == 0, "status: %s" % status)
        check(not results.committed_rows(c.path("out")), "rows of a failed job are visible")


if __name__ == "__main__":
    main([ten_mistakes, yaml_attacks, does_not_fit, unwritable_folder, strange_bytes, another_version, two_jobmanagers,
          bad_configuration, bad_rows, bad_expressions])
