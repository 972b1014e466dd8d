"""Woodpecker, Drone and Harness: the settings of the examples as variables, as these servers make them.

Woodpecker: woodpecker-ci.org/docs/usage/plugins/creating-plugins, pipeline/frontend/yaml/compiler/settings/params.go.
Drone: docs.drone.io/plugins/overview, and github.com/drone-runners/drone-runner-docker/engine/compiler. Harness:
$DRONE_OUTPUT, developer.harness.io/docs/continuous-integration/use-ci/use-drone-plugins/plugin-step-settings-reference.
"""

import json
import re

from job import PASSWORD, REGISTRY, REVISION, Folder, digest, load, run, same


def scalar(value):
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def variables(settings, name):
    """PLUGIN_* of settings; secrets come from the server's store."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict) and list(value) == ["from_secret"]:
            value = {"registry_password": PASSWORD}[value["from_secret"]]
        if isinstance(value, dict) or isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
            value = json.dumps(value)
        elif isinstance(value, list):
            value = ",".join(scalar(item) for item in value)
        found[name(key)] = scalar(value)
    return found


def woodpecker_name(key):
    return "PLUGIN_" + key.upper().replace("-", "_").replace(".", "_")


def drone_name(key):
    return "PLUGIN_" + key.upper()


def run_example(file, announced, name):
    """The steps of an example, in one workspace."""
    with Folder() as folder:
        for step in load(file)["steps"]:
            if "commands" in step:
                run(["sh", "-e", "-c", "\n".join(step["commands"])], folder, announced)
                continue
            same("the image", True, step["image"].startswith("ghcr.io/OWNER/oci-artifact:"))
            # The server replaces ${…} before it reads the settings.
            settings = json.loads(re.sub(r"\$\{(\w+)\}", lambda m: announced[m[1]], json.dumps(step["settings"])))
            run(["oci-artifact"], folder, announced | variables(settings, name))
        same("what came back", "hello\n", (folder / "restored/dist/app").read_text())


def main():
    run_example("examples/ci/woodpecker.yml", {"CI": "woodpecker", "CI_COMMIT_SHA": REVISION}, woodpecker_name)
    pushed = digest(f"samples/app:{REVISION}")
    same("the tag of the list", pushed, digest("samples/app:latest"))
    drone = {"CI": "true", "DRONE": "true", "DRONE_COMMIT_SHA": REVISION}
    run_example("examples/ci/drone.yml", drone, drone_name)

    # YAML as it is, and a list, in either's form.
    spec = {"artifacts": [{"reference": f"{REGISTRY}/samples/native:v1", "files": [{"path": "a,b.txt"}]}]}
    for announced, name in (({"CI": "woodpecker"}, woodpecker_name), (drone, drone_name)):
        with Folder() as folder:
            (folder / "a,b.txt").write_text("x")
            settings = {"spec": spec, "registry": REGISTRY, "username": "robot", "dry-run": True, "retries": 2,
                        "password": {"from_secret": "registry_password"}, "ci-annotations": ["source", "revision"],
                        "output-file": "out.json"}
            run(["oci-artifact"], folder, announced | variables(settings, name))
            result = json.loads((folder / "out.json").read_text())
            same("a native spec", True, "samples/native" in json.dumps(result["artifacts"]))

    # Harness: a line an output.
    with Folder() as folder:
        (folder / "app").write_text("hello\n")
        settings = {"reference": f"{REGISTRY}/samples/app:harness", "files": "app", "username": "robot",
                    "password": {"from_secret": "registry_password"}, "tags": ["one", "two"]}
        run(["oci-artifact"], folder, drone | {"DRONE_OUTPUT": folder / "output"} | variables(settings, drone_name))
        lines = (folder / "output").read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        reference = f"{REGISTRY}/samples/app@{digest('samples/app:harness')}"
        same("output of Harness", reference, outputs["ARTIFACT_REFERENCE"])
        same("a list on its line", {"harness", "one", "two"}, set(outputs["ARTIFACT_TAGS"].split()))
