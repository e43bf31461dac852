"""The events of the queries in files, for the reference: CSV, a folder for each stream."""
import os

import cluster
import reference


def write(folder, events, event_rate, generators):
    """By the same source as the queries have. `generators` is part of what the events are. The folder is new."""
    sources, sinks = "", ""
    for stream in reference.EVENTS:
        sources += "  %ss: {type: nexmark, stream: %s, events: %d, event_rate: %d/s, generators: %d}\n" % (
            stream, stream, events, event_rate, generators)
        sinks += "  %s: {type: file, input: %ss, path: %s, format: csv}\n" % (stream, stream, os.path.join(folder, stream))
    os.makedirs(folder)
    job = os.path.join(folder, "export.yaml")
    with open(job, "w", encoding="utf-8") as file:
        file.write("version: 1\nname: nexmark-export\nsources:\n%ssinks:\n%s" % (sources, sinks))
    cluster.run([cluster.BINARY, "run", job], deadline=10 * cluster.DEADLINE)
