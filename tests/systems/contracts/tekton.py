"""Tekton: the Task of ci/tekton, by way of examples/ci/tekton.yaml.

Variables: tekton.dev/docs/pipelines/variables. Results: tekton.dev/docs/pipelines/tasks, "Emitting Results": a file a
result in /tekton/results, 4096 bytes for all, which is the limit of a container's termination message.
"""

import base64
import json
import re

from job import PASSWORD, REGISTRY, REVISION, Folder, digest, load, run, same

TASK = "ci/tekton/oci-artifact.yaml"


def filled(value, variables):
    return re.sub(r"\$\(([\w.-]+)\)", lambda m: str(variables.get(m[1], m[0])), value)


def run_task(given, folder, results, home=None):
    """The results of a TaskRun with these params; with a home that has docker's credentials, else with a Secret."""
    task = load(TASK)["spec"]
    params = {param["name"]: param["default"] for param in task["params"]}
    unknown = set(given) - set(params)
    if unknown:
        raise SystemExit(f"contracts: the Task has no params {unknown}")
    variables = {f"params.{name}": value for name, value in (params | given).items()}
    variables["workspaces.source.path"] = folder
    (step,) = task["steps"]
    secret = {} if home else {"password": PASSWORD}
    environment = {}
    for entry in step["env"]:
        if "value" in entry:
            # Folders of this test for the pod's.
            places = {"/tekton/results": results, "/tmp": home or folder}
            value = filled(entry["value"], variables)
            environment[entry["name"]] = places.get(value, value)
        else:
            key = entry["valueFrom"]["secretKeyRef"]
            same("a key that may be missing", True, key["optional"])
            if key["key"] in secret:
                environment[entry["name"]] = secret[key["key"]]
    same("the image's program", ["/oci-artifact"], step["command"])
    arguments = [filled(argument, variables) for argument in step["args"]]
    run(["oci-artifact", *arguments], filled(step["workingDir"], variables), environment)
    found = {path.name: path.read_bytes() for path in results.iterdir()}
    declared = {result["name"] for result in task["results"]}
    same("results that the Task does not declare", set(), set(found) - declared)
    found = {name: value.decode() for name, value in found.items()}
    # The entrypoint writes them as this JSON (github.com/tektoncd/pipeline, pkg/result and pkg/entrypoint).
    message = json.dumps([{"key": name, "value": value, "type": 1} for name, value in found.items()])
    if len(message) > 4096:
        raise SystemExit(f"contracts: the results have {len(message)} bytes")
    return found


def main():
    publish, restore = load("examples/ci/tekton.yaml")["spec"]["tasks"]
    values = lambda task, variables: {p["name"]: filled(p["value"], variables) for p in task["params"]}
    with Folder() as folder, Folder() as results:
        (folder / "dist").mkdir()
        (folder / "dist/app").write_text("hello\n")
        first = run_task(values(publish, {"params.revision": REVISION}), folder, results)
    pushed = digest(f"samples/app:{REVISION}")
    same("result digest, without a newline", pushed, first["digest"])
    same("result reference", f"{REGISTRY}/samples/app@{pushed}", first["reference"])
    with Folder() as folder, Folder() as results, Folder() as home:
        # As Tekton's entrypoint does for a secret of the service account (tekton.dev/docs/pipelines/auth).
        auth = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
        (home / ".docker").mkdir()
        (home / ".docker/config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
        variables = {f"tasks.publish.results.{name}": value for name, value in first.items()}
        given = {**values(restore, variables), "username": ""}
        run_task(given, folder, results, home)
        same("what came back", "hello\n", (folder / "dist/app").read_text())
    # Far more than fits.
    with Folder() as folder, Folder() as results:
        for number in range(40):
            (folder / f"{number}-{'long' * 30}").write_text(str(number))
        many = {"reference": f"{REGISTRY}/samples/many:v1", "files": "*-long*", "username": "robot"}
        found = run_task(many, folder, results)
        same("digest of many", digest("samples/many:v1"), found["digest"])
        same("a result without room, which whoever uses it finds blank", "", found["json"])
