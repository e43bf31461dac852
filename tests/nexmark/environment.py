"""Import this first: it runs the script again under build/venv-nexmark, made from requirements.txt if it is not there, and
puts the cluster harness of tests/cluster and the jobs of tests/bench/nexmark on the path."""
import fcntl
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VENV = os.path.join(ROOT, "build", "venv-nexmark")
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
JOBS = os.path.join(ROOT, "tests", "bench", "nexmark")


def prepare():
    """Makes the virtual environment, once for each text of requirements.txt. Several scripts may try at a time."""
    with open(REQUIREMENTS, encoding="ascii") as file:
        wanted = file.read()
    os.makedirs(VENV, exist_ok=True)
    mark = os.path.join(VENV, ".requirements")
    with open(os.path.join(VENV, ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(mark):
            with open(mark, encoding="ascii") as file:
                if file.read() == wanted:
                    return
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([os.path.join(VENV, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check",
                        "-r", REQUIREMENTS], check=True)
        with open(mark, "w", encoding="ascii") as file:
            file.write(wanted)


def enter():
    if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        prepare()
        python = os.path.join(VENV, "bin", "python3")
        os.execv(python, [python] + sys.argv)
    sys.path[1:1] = [os.path.join(ROOT, "tests", "cluster"), JOBS]


if __name__ == "__main__":
    prepare()
else:
    enter()
