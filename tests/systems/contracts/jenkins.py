"""Jenkins: the scripts of examples/ci/Jenkinsfile.

`sh`: jenkins.io/doc/pipeline/steps/workflow-durable-task-step (a script without a first line runs by `sh -xe`).
readProperties, readJSON: jenkins.io/doc/pipeline/steps/pipeline-utility-steps; the former is java.util.Properties.load.
"""

import json
import re

from job import PASSWORD, REGISTRY, Folder, digest, run, same, text


def properties(content):
    """java.util.Properties.load, of files without line continuations."""
    found = {}
    for line in content.splitlines():
        if not line.strip() or line.lstrip()[0] in "#!":
            continue
        key, value = re.fullmatch(r"\s*((?:\\.|[^\s:=\\])*)\s*[=:]?\s*(.*)", line).groups()
        found[unescaped(key)] = unescaped(value)
    return found


def unescaped(value):
    special = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}

    def char(match):
        return chr(int(match[1], 16)) if match[1] else special.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", char, value)


def main():
    scripts = re.findall(r"\bsh ('''.*?'''|'.*?')", text("examples/ci/Jenkinsfile"), re.DOTALL)
    build, push, pull = (script.strip("'") for script in scripts)
    announced = {"JENKINS_URL": "https://jenkins.example.com/", "BUILD_NUMBER": "12", "CI": "true"}
    bound = {"OCI_ARTIFACT_USERNAME": "robot", "OCI_ARTIFACT_PASSWORD": PASSWORD}
    shell = ["sh", "-xe", "-c"]
    with Folder() as folder:
        run([*shell, build], folder, announced)
        run([*shell, push], folder, announced | bound)
        read = properties((folder / "artifact.properties").read_text(encoding="latin-1"))
        same("property", f"{REGISTRY}/samples/app@{digest('samples/app:12')}", read["ARTIFACT_REFERENCE"])
        (artifact,) = json.loads((folder / "artifact.json").read_text())["artifacts"].values()
        # sh(returnStdout: true): nothing of the log is there.
        stdout, _ = run([*shell, "oci-artifact list $REPOSITORY --format json"], folder,
                        announced | bound | {"REPOSITORY": f"{REGISTRY}/samples/app"})
        same("stdout is the result alone", True, '"12"' in json.dumps(json.loads(stdout)))
        same("JSON", read["ARTIFACT_DIGEST"], artifact["digest"])
        run([*shell, pull], folder, announced | bound | {"ARTIFACT_REFERENCE": read["ARTIFACT_REFERENCE"]})
        same("what came back", "hello\n", (folder / "restored/dist/app").read_text())
