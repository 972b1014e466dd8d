"""Packs an orb as `circleci orb pack` does (a key a folder, a key a file), into a configuration that uses it.

  pack_orb.py ORB CONFIGURATION      prints the configuration, with the orb inline

circleci.com/docs/orbs/author/orb-author: "Each YAML file's name becomes a key; @orb.yml stands at the top".
"""

import sys
from pathlib import Path

from ruamel.yaml import YAML

yaml = YAML()


def pack(folder):
    packed = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            packed[path.name] = pack(path)
        elif path.name.startswith("@"):
            packed.update(yaml.load(path))
        else:
            packed[path.stem] = yaml.load(path)
    return packed


orb, configuration = sys.argv[1:]
result = yaml.load(Path(configuration))
inline = pack(Path(orb))
# Texts for the registry of orbs; an inline orb has none.
for key in ("version", "description", "display", "examples"):
    inline.pop(key)
(name,) = result["orbs"]
result["orbs"][name] = inline
yaml.dump(result, sys.stdout)
