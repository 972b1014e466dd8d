"""CircleCI: the orb of ci/circleci/orb, by way of examples/ci/circleci.yml, in bash and in its image's busybox.

Parameters: circleci.com/docs/reference/reusing-config. Workspaces and `shell`: .../reference/configuration-reference.
BASH_ENV, which bash itself reads before each step: .../guides/security/env-vars, "Set an environment variable in a
shell command".
"""

import re
import shutil
import subprocess

from job import PASSWORD, REGISTRY, REVISION, Folder, digest, load, run, same

BASH = ["bash", "-eo", "pipefail", "-c"]
BUSYBOX = ["busybox", "sh", "-eo", "pipefail", "-c"]


def orb_steps(name, given):
    command = load(f"ci/circleci/orb/commands/{name}.yml")
    parameters = {key: parameter["default"] for key, parameter in command["parameters"].items()}
    unknown = set(given) - set(parameters)
    if unknown:
        raise SystemExit(f"contracts: the orb's {name} has no parameters {unknown}")
    return filled(command["steps"], {f"parameters.{key}": value for key, value in (parameters | given).items()})


def filled(node, values):
    if isinstance(node, str):
        return re.sub(r"<< ([\w.-]+) >>", lambda m: str(values.get(m[1], m[0])), node)
    if isinstance(node, list):
        return [filled(item, values) for item in node]
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    return node


def run_job(job, shell, workspace, folder, more=()):
    """The steps of a job, with the context's password."""
    bash_env = folder / "bash-env"
    bash_env.touch()
    for step in [*job["steps"], *more]:
        (name, value), = step.items()
        if name == "attach_workspace":
            shutil.copytree(workspace, folder / value["at"], dirs_exist_ok=True)
        elif name == "persist_to_workspace":
            for path in value["paths"]:
                source = folder / value["root"] / path
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, workspace / path)
        else:
            if name.startswith("oci-artifact/"):
                (step,) = orb_steps(name.split("/")[1], value)
                value = step["run"]
            value = {"command": value} if isinstance(value, str) else value
            environment = {"CIRCLECI": "true", "CI": "true", "BASH_ENV": bash_env, "CIRCLE_SHA1": REVISION}
            environment |= {"OCI_ARTIFACT_PASSWORD": PASSWORD, **value.get("environment", {})}
            run([*shell, value["command"]], folder, environment)


def main():
    config = filled(load("examples/ci/circleci.yml"), {"pipeline.git.revision": REVISION})
    jobs = config["jobs"]
    with Folder() as workspace:
        with Folder() as folder:
            run_job(jobs["build"], BASH, workspace, folder)
        with Folder() as folder:
            run_job(jobs["publish"], BUSYBOX, workspace, folder)
        pushed = digest(f"samples/app:{REVISION}")
        with Folder() as folder:
            run_job(jobs["test"], BUSYBOX, workspace, folder)
            same("what came back", "hello\n", (folder / "restored/dist/app").read_text())
        # The next step of the same job, in bash.
        seen = {"run": 'printf %s "$ARTIFACT_REFERENCE" >seen'}
        with Folder() as folder:
            run_job(jobs["publish"], BASH, workspace, folder, [seen])
            same("variable of the next step", f"{REGISTRY}/samples/app@{pushed}", (folder / "seen").read_text())
        # What stands there is text to every shell that reads it.
        with Folder() as folder:
            (folder / "it's $(touch broken)").write_text("x")
            push = {"oci-artifact/push": {"reference": f"{REGISTRY}/samples/quoted:v1", "username": "robot",
                                          "files": "it's $(touch broken)", "annotations": "a=$(touch broken)`'\""}}
            run_job({"steps": [push]}, BASH, workspace, folder, [{"run": "true"}])
            same("nothing ran", False, (folder / "broken").exists())
            for shell in (["bash", "-c"], ["busybox", "sh", "-c"]):
                subprocess.run([*shell, ". ./bash-env"], cwd=folder, check=True)
    # Any other command.
    with Folder() as folder, Folder() as workspace:
        tag = {"oci-artifact/execute": {"command": "tag", "reference": f"{REGISTRY}/samples/app:{REVISION}",
                                        "tags": "other", "username": "robot"}}
        run_job({"steps": [tag]}, BASH, workspace, folder)
        same("the other tag", pushed, digest("samples/app:other"))
