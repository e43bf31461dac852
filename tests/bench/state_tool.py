"""Runs weir_state_bench, which measures keyed state without an engine around it."""
import json
import os
import shutil
import subprocess
import tempfile

import cluster

BINARY = os.path.join(os.path.dirname(os.environ["WEIR_BINARY"]), "tests", "bench", "weir_state_bench")


def run(command, *arguments, deadline=1800):
    """The figures that the tool prints, from a folder of its own."""
    folder = tempfile.mkdtemp(prefix="weir-state-bench-")
    try:
        done = subprocess.run([BINARY, command, folder] + [str(a) for a in arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=deadline, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        raise cluster.Failure("weir_state_bench %s %s: %s" % (command, " ".join(map(str, arguments)), done.stderr.strip()))
    return json.loads(done.stdout)
