"""Jobs of Azure Pipelines and CircleCI that have no oci-artifact: the steps that install it, and what is on PATH then.

task.prependpath: learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands. Needs $OCI_ARTIFACT_MIRROR.
"""

import os

import azure
import circle
from job import Folder, run, same

VERSION = ["bash", "-c", "oci-artifact --version"]


def main():
    mirror = {name: os.environ[name] for name in ("OCI_ARTIFACT_MIRROR", "GIT_CONFIG_NOSYSTEM")}
    # Where git finds the sources is in the home of this test.
    mirror["GIT_CONFIG_GLOBAL"] = os.path.join(os.environ["HOME"], ".gitconfig")
    with Folder() as folder:
        step = azure.expand({})[0]
        environment = {**mirror, **step["env"], "AGENT_TEMPDIRECTORY": folder}
        log = "".join(run(["bash", "-c", step["bash"]], folder, environment))
        (path,) = [message for name, _, message in azure.COMMAND.findall(log) if name == "task.prependpath"]
        run(VERSION, folder, {"PATH": f"{path}:{os.environ['PATH']}"})
        # A second use of the template in the job.
        same("nothing is installed", "", run(["bash", "-c", step["bash"]], folder, environment | {
            "PATH": f"{path}:{os.environ['PATH']}"})[0])
        run(["bash", "-c", step["bash"]], folder, environment)
    with Folder() as folder:
        (step,) = circle.orb_steps("install", {})
        environment = {**mirror, **step["run"]["environment"], "BASH_ENV": folder / "bash-env"}
        (folder / "bash-env").touch()
        run([*circle.BASH, step["run"]["command"]], folder, environment)
        run(VERSION, folder, environment)
