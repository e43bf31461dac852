"""The queries of tests/bench/nexmark as jobs, from the source that makes the events or from files of them."""
import os
import re
import subprocess
import sys

import figures
import machine
import cluster

JOBS = os.path.join(machine.ROOT, "tests", "bench", "nexmark")
sys.path.insert(0, JOBS)
import job_files  # noqa: E402
# Fields of the exported events; timestamps are milliseconds.
STREAMS = {
    "person": {"id": "bigint not null", "name": "string not null", "email_address": "string not null",
               "credit_card": "string not null", "city": "string not null", "state": "string not null",
               "date_time": "timestamp not null", "extra": "string not null"},
    "auction": {"id": "bigint not null", "item_name": "string not null", "description": "string not null",
                "initial_bid": "bigint not null", "reserve": "bigint not null", "date_time": "timestamp not null",
                "expires": "timestamp not null", "seller": "bigint not null", "category": "bigint not null",
                "extra": "string not null"},
    "bid": {"auction": "bigint not null", "bidder": "bigint not null", "price": "bigint not null",
            "channel": "string not null", "url": "string not null", "date_time": "timestamp not null",
            "extra": "string not null"},
}
SOURCE = re.compile(r"    type: nexmark\n    stream: (\w+)\n(?:    \w+: .*\n)*?    event_time: ")


def queries():
    """Those that there are, in the order of their numbers."""
    found = [n[:-5] for n in os.listdir(JOBS) if re.fullmatch(r"q\d+\.yaml", n)]
    return sorted(found, key=lambda q: int(q[1:]))


def streams(query):
    return SOURCE.findall(job_files.text(query))


def side_input():
    """The table that query 13 joins."""
    path = os.path.join(figures.FOLDER, "nexmark-side-input.csv")
    cluster.run([sys.executable, os.path.join(JOBS, "side_input.py"), path])
    return path


def environment(events, event_rate, parallelism, interval):
    return {"NEXMARK_EVENTS": str(events), "NEXMARK_EVENT_RATE": "%d/s" % event_rate,
            "NEXMARK_PARALLELISM": str(parallelism), "NEXMARK_GENERATORS": str(parallelism),
            "NEXMARK_CHECKPOINT": interval, "NEXMARK_SIDE_INPUT": side_input()}


def job(query, files=None):
    """The text of the query's job. files: {stream: path} for a job that reads them instead of making the events."""
    text = job_files.text(query)
    if files:
        def source(match):
            fields = ", ".join("%s: %s" % item for item in STREAMS[match.group(1)].items())
            return "    type: file\n    path: %s\n    format: {type: json, on_error: fail}\n    schema: {%s}\n    event_time: " % (
                files[match.group(1)], fields)
        text, count = SOURCE.subn(source, text)
        if not count:
            raise cluster.Failure("%s: no source of type nexmark in the form that is expected" % query)
    return text


class Export:
    """The events as JSON lines: one file a stream in order of event time, and the same dealt out over some files."""

    def __init__(self, events, event_rate):
        self.folder = os.path.join(figures.FOLDER, "nexmark-%d-%d" % (events, event_rate))
        self.rows = {}
        if not os.path.exists(os.path.join(self.folder, ".complete")):
            self._make(events, event_rate)
        for stream in STREAMS:
            self.rows[stream] = int(_output(["wc", "-l", self.file(stream)]).split()[0])

    def file(self, stream):
        return os.path.join(self.folder, stream + ".jsonl")

    def dealt(self, stream, count):
        """A folder with the stream's rows in `count` files, in turns."""
        folder = os.path.join(self.folder, "%s-by-%d" % (stream, count))
        if not os.path.isdir(folder):
            os.makedirs(folder + ".new", exist_ok=True)
            _output(["split", "-n", "r/%d" % count, "-d", "--additional-suffix=.jsonl", self.file(stream),
                     os.path.join(folder + ".new", "part-")])
            os.rename(folder + ".new", folder)
        return folder

    def side_input(self):
        """The table of query 13 as JSON lines, in a folder of its own."""
        folder = os.path.join(self.folder, "side-input")
        os.makedirs(folder, exist_ok=True)
        with open(side_input(), encoding="ascii") as table, open(os.path.join(folder, "part-0.jsonl"), "w",
                                                                 encoding="ascii") as file:
            file.writelines('{"key": %s, "value": "%s"}\n' % tuple(line.rstrip("\n").split(",")) for line in list(table)[1:])
        return folder

    def _make(self, events, event_rate):
        _output(["rm", "-rf", self.folder])
        os.makedirs(self.folder)
        for stream in STREAMS:
            parts = os.path.join(self.folder, stream + "-parts")
            text = """version: 1
name: nexmark-export
checkpoint: {interval: 1h}
sources:
  events: {type: nexmark, stream: %s, events: %d, event_rate: %d/s}
sinks:
  file: {type: file, input: events, path: %s, format: {type: json}}
""" % (stream, events, event_rate, parts)
            path = os.path.join(self.folder, "export.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            cluster.run([os.environ["WEIR_BINARY"], "run", path], deadline=600)
            names = sorted(n for n in os.listdir(parts) if n.endswith(".json"))
            names.sort(key=lambda n: [int(part) if part.isdigit() else 0 for part in re.split(r"[-.]", n)])
            with open(self.file(stream), "wb") as file:
                for name in names:
                    subprocess.run(["cat", os.path.join(parts, name)], stdout=file, check=True)
            _output(["rm", "-rf", parts])
        with open(os.path.join(self.folder, ".complete"), "w", encoding="ascii"):
            pass


def _output(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
