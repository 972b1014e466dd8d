# A suite of scripts/test-action: our action inside a composite action of a user's. That INPUT_ variables of a runner
# which lets them through change nothing is a test of src/inputs/layers.rs: this version of act keeps them apart.
# shellcheck shell=bash disable=SC2154
start_registry nested olareg
run_act tests/action/nested.yml --local-repository "octo-org/oci-artifact@v1=$action" \
  --env OCI_ARTIFACT_MIRROR="$mirror" --var REGISTRY="$registry"
same "output digest and oras resolve" "$(oras resolve --plain-http "$registry/samples/nested:one")" "$(result nested)"
