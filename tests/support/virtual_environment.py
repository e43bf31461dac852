"""A Python of its own for tests that need packages."""
import fcntl
import os
import subprocess
import sys


class VirtualEnvironment:
    def __init__(self, folder, requirements):
        self.folder = folder
        self.requirements = requirements

    def prepare(self):
        """Makes it, once for each text of the requirements. Several scripts may try at a time."""
        with open(self.requirements, encoding="ascii") as file:
            wanted = file.read()
        os.makedirs(self.folder, exist_ok=True)
        mark = os.path.join(self.folder, ".requirements")
        with open(os.path.join(self.folder, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(mark):
                with open(mark, encoding="ascii") as file:
                    if file.read() == wanted:
                        return
            subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
            subprocess.run([os.path.join(self.folder, "bin", "pip"), "install", "--quiet",
                            "--disable-pip-version-check", "-r", self.requirements], check=True)
            with open(mark, "w", encoding="ascii") as file:
                file.write(wanted)

    def enter(self):
        """Runs the script again under it, if it does not already."""
        if os.path.realpath(sys.prefix) == os.path.realpath(self.folder):
            return
        self.prepare()
        python = os.path.join(self.folder, "bin", "python3")
        os.execv(python, [python] + sys.argv)
