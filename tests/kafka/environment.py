"""Import this first: it runs the script again under build/venv, made from requirements.txt if it is not there, and puts
the cluster harness of tests/cluster on the path."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[1:1] = [os.path.join(ROOT, "tests", folder) for folder in ("cluster", "support")]
from virtual_environment import VirtualEnvironment  # pylint: disable=wrong-import-position

VENV = VirtualEnvironment(os.environ.get("WEIR_TEST_VENV", os.path.join(ROOT, "build", "venv")),
                          os.path.join(HERE, "requirements.txt"))
if __name__ == "__main__":
    VENV.prepare()
else:
    VENV.enter()
