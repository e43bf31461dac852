"""Import this first: it runs the script again under build/venv-nexmark, made from requirements.txt if it is not there, and
puts the cluster harness of tests/cluster and the jobs of tests/bench/nexmark on the path."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
JOBS = os.path.join(ROOT, "tests", "bench", "nexmark")
sys.path[1:1] = [os.path.join(ROOT, "tests", "cluster"), JOBS, os.path.join(ROOT, "tests", "support")]
from virtual_environment import VirtualEnvironment  # pylint: disable=wrong-import-position

VENV = VirtualEnvironment(os.path.join(ROOT, "build", "venv-nexmark"), os.path.join(HERE, "requirements.txt"))
if __name__ == "__main__":
    VENV.prepare()
else:
    VENV.enter()
