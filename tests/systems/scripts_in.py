"""Writes each shell script inside YAML files into a file of its own, with the shell that runs it there.

  scripts_in.py DIRECTORY FILE...
"""

import re
import sys
from pathlib import Path

from ruamel.yaml import YAML

# Keys that hold scripts, and the shell: GitLab's and CircleCI's images have a busybox, Azure's agents bash.
SHELLS = {"script": "sh", "command": "sh", "commands": "sh", "bash": "bash", "inlineScript": "bash", "run": "sh"}


def scripts(node):
    if isinstance(node, dict):
        for key, value in node.items():
            lines = value if isinstance(value, list) else [value]
            if key in SHELLS and all(isinstance(line, str) for line in lines):
                yield SHELLS[key], "\n".join(lines)
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


target = Path(sys.argv[1])
target.mkdir(parents=True)
for name in sys.argv[2:]:
    for document in YAML().load_all(Path(name)):
        for number, (shell, text) in enumerate(scripts(document)):
            # What the system itself fills in is no shell.
            text = re.sub(r"<<.*?>>|\$\[\[.*?\]\]|\$\{\{.*?\}\}", "filled", text).replace("$$", "$")
            file = target / f"{name.replace('/', '_')}.{number}.sh"
            file.write_text(f"#!/usr/bin/env {shell}\n{text}\n", encoding="utf-8")
