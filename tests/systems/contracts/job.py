"""What the contracts share: files of this repository, a job's folder and variables, what the registry says."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
REGISTRY, PASSWORD = os.environ["REGISTRY"], os.environ["PASSWORD"]
REVISION = "0123456789abcdef0123456789abcdef01234567"


def text(name):
    """A file of the repository, with the registry of this test for that of the examples."""
    return (ROOT / name).read_text(encoding="utf-8").replace("registry.example.com", REGISTRY)


def load(name):
    return YAML(typ="safe").load(text(name))


def digest(reference):
    command = ["oras", "resolve", "--plain-http", "-u", "robot", "--password-stdin", f"{REGISTRY}/{reference}"]
    return subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=True).stdout.strip()


def same(what, expected, got):
    if expected != got:
        raise SystemExit(f"contracts: {what}: expected {expected!r}, got {got!r}")


class Folder:
    """A folder that goes away; a job's working directory, or what several share."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="oci-artifact-contract."))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def run(command, folder, variables, status=0):
    """Stdout and stderr of a command with these variables and no others but PATH and a home."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **{k: str(v) for k, v in variables.items()}}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise SystemExit(f"contracts: {command} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    # Azure's agent takes what it is to mask from the log, and keeps that line.
    lines = (done.stdout + done.stderr).splitlines()
    if any(PASSWORD in line and not line.startswith("##vso[task.setsecret]") for line in lines):
        raise SystemExit(f"contracts: {command} shows the password")
    return done.stdout, done.stderr
