"""Runs the shipped files and examples of the systems whose runner does not run here, as each system documents it.

  python tests/systems/contracts [NAME...]

Needs oci-artifact and oras on PATH, and $REGISTRY, a registry on loopback whose user robot has the $PASSWORD.
"""

import importlib
import sys

for name in sys.argv[1:] or ["azure", "circle", "tekton", "plugins", "jenkins", "bitbucket"]:
    importlib.import_module(name).main()
    print(f"contracts: {name}: passed")
