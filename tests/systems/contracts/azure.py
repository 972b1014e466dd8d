"""Azure Pipelines: ci/azure/steps.yml by way of examples/ci/azure-pipelines.yml.

Templates: learn.microsoft.com/azure/devops/pipelines/process/template-expressions (parameters, `if`, `each`). Commands
of the log: .../pipelines/scripts/logging-commands, and the agent's own parser,
github.com/microsoft/azure-pipelines-agent, src/Microsoft.VisualStudio.Services.Agent/Command.cs.
"""

import re
import sys

from job import PASSWORD, REGISTRY, REVISION, Folder, digest, load, run, same

TEMPLATE = "ci/azure/steps.yml"


def expand(parameters):
    """The steps of the template with these parameters."""
    template = load(TEMPLATE)
    declared = {parameter["name"]: parameter["default"] for parameter in template["parameters"]}
    unknown = set(parameters) - set(declared)
    if unknown:
        raise SystemExit(f"contracts: {TEMPLATE} has no parameters {unknown}")
    return filled(template["steps"], {"parameters": declared | parameters})


def filled(node, scope):
    if isinstance(node, str):
        return re.sub(r"\$\{\{ (\w+)\.(\w+) \}\}", lambda m: str(scope[m[1]][m[2]]), node)
    if isinstance(node, list):
        result = []
        for item in node:
            condition = list(item)[0] if isinstance(item, dict) else ""
            if condition.startswith("${{ if "):
                result += filled(item[condition], scope) if holds(condition, scope) else []
            else:
                result.append(filled(item, scope))
        return result
    if not isinstance(node, dict):
        return node
    result = {}
    for key, value in node.items():
        if loop := re.fullmatch(r"\$\{\{ each (\w+) in parameters\.(\w+) \}\}", key):
            for name, of in scope["parameters"][loop[2]].items():
                result |= filled(value, scope | {loop[1]: {"key": name, "value": of}})
        elif key.startswith("${{ if "):
            result |= filled(value, scope) if holds(key, scope) else {}
        else:
            result[filled(key, scope)] = filled(value, scope)
    return result


def holds(condition, scope):
    name = re.fullmatch(r"\$\{\{ if ne\(parameters\.(\w+), ''\) \}\}", condition)[1]
    return scope["parameters"][name] != ""


def steps(job):
    for step in job["steps"]:
        if "template" in step:
            same("the template", f"{TEMPLATE}@oci-artifact", step["template"])
            yield from expand(step["parameters"])
        else:
            yield step


COMMAND = re.compile(r"##vso\[([a-zA-Z]+\.[a-zA-Z]+)(?: ([^\]]*))?\](.*)")


def unescaped(value):
    for code, char in (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")):
        value = value.replace(code, char)
    return value


def run_job(job, variables, folder):
    """Outputs of the job, `STEP.NAME`, and all commands of the log."""
    outputs, commands = {}, []
    for step in steps(job):
        # Macros are replaced where there is such a variable, else they stay.
        values = re.compile(r"\$\(([\w.]+)\)")
        replaced = lambda value: values.sub(lambda m: variables.get(m[1], m[0]), str(value))
        environment = {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": folder, "BUILD_SOURCEVERSION": REVISION}
        environment |= {name: replaced(value) for name, value in step.get("env", {}).items()}
        log = "".join(run(["bash", "--noprofile", "--norc", "-c", replaced(step["bash"])], folder, environment))
        for name, properties, message in COMMAND.findall(log):
            properties = dict(pair.split("=", 1) for pair in (properties or "").split(";") if pair)
            commands.append((name, properties, unescaped(message)))
            if name == "task.setvariable" and properties.get("isOutput", properties.get("isoutput")) == "true":
                outputs[f"{step['name']}.{properties['variable']}"] = unescaped(message)
    return outputs, commands


def main():
    # The lint looks at the template as it is after expansion, too.
    connected = expand({"serviceConnection": "connection", "azureClientId": ""})
    same("steps with a service connection", ["bash", "task", "bash"], [list(step)[0] for step in connected])
    same("token of the job", "$(System.AccessToken)", connected[-1]["env"]["SYSTEM_ACCESSTOKEN"])
    same("no token without one", None, expand({})[-1]["env"].get("SYSTEM_ACCESSTOKEN"))

    pipeline = load("examples/ci/azure-pipelines.yml")
    build, test = pipeline["jobs"]
    variables = {"Build.SourceVersion": REVISION, "REGISTRY_PASSWORD": PASSWORD}
    with Folder() as folder:
        outputs, commands = run_job(build, variables, folder)
    pushed = digest(f"samples/app:{REVISION}")
    same("output digest", pushed, outputs["publish.digest"])
    same("output reference", f"{REGISTRY}/samples/app@{pushed}", outputs["publish.reference"])
    same("a summary", True, any(name == "task.uploadsummary" for name, _, _ in commands))

    found = re.fullmatch(r"\$\[ dependencies\.build\.outputs\['(.*)'\] \]", test["variables"]["artifact"])
    with Folder() as folder:
        run_job(test, variables | {"artifact": outputs[found[1]]}, folder)
        same("what came back", "hello\n", (folder / "restored/dist/app").read_text())

    # A mistake of a spec is an issue of the run, at its place.
    with Folder() as folder:
        (folder / "oci-artifact.yaml").write_text("artifacts:\n  - file: [a]\n")
        step = expand({"specFile": "oci-artifact.yaml"})[-1]
        log = "".join(run(["bash", "-c", step["bash"]], folder, {"TF_BUILD": "True", **step["env"]}, status=2))
        issue = next(properties for name, properties, _ in COMMAND.findall(log) if name == "task.logissue")
        same("line of the issue", True, "linenumber=2" in issue.split(";"))


if __name__ == "__main__":
    from ruamel.yaml import YAML
    YAML().dump({"steps": expand({"serviceConnection": sys.argv[1]})}, sys.stdout)
