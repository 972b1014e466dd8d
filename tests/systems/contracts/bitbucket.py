"""Bitbucket Pipelines: examples/ci/bitbucket-pipelines.yml.

support.atlassian.com/bitbucket-cloud/docs/step-options: the lines of a script run in one shell that ends at the first
failure; each step has a fresh clone, and the artifacts of those before it.
"""

import shutil

from job import PASSWORD, REGISTRY, REVISION, Folder, digest, load, run, same


def main():
    steps = [entry["step"] for entry in load("examples/ci/bitbucket-pipelines.yml")["pipelines"]["default"]]
    announced = {"CI": "true", "BITBUCKET_BUILD_NUMBER": "7", "BITBUCKET_COMMIT": REVISION}
    announced["OCI_ARTIFACT_PASSWORD"] = PASSWORD
    with Folder() as artifacts:
        for number, step in enumerate(steps):
            with Folder() as clone:
                shutil.copytree(artifacts, clone, dirs_exist_ok=True)
                run(["busybox", "sh", "-e", "-c", "\n".join(step["script"])], clone, announced)
                for name in step.get("artifacts", []):
                    shutil.copy(clone / name, artifacts / name)
                if number == 0:
                    lines = (clone / "artifact.env").read_text().splitlines()
                    reference = f"{REGISTRY}/samples/app@{digest('samples/app:' + REVISION)}"
                    same("a line for a shell", True, f"ARTIFACT_REFERENCE='{reference}'" in lines)
                else:
                    same("what came back", "hello\n", (clone / "restored/dist/app").read_text())
