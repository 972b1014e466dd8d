# Sourced by scripts/test-systems: the systems whose runners don't run here, by what they document.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $registry: scripts/lib/registry.sh

start_registry contracts distribution robot "$PASSWORD"
python=$(dirname "$(realpath "$(command -v check-jsonschema)")")/python
REGISTRY=$registry PASSWORD=$PASSWORD "$python" -B tests/systems/contracts
