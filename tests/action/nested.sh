# A suite of scripts/test-action: our action inside a composite action of a user's.
# shellcheck shell=bash disable=SC2154
start_registry nested olareg
run_act tests/action/nested.yml --local-repository "octo-org/oci-artifact@v1=$action" \
  --env OCI_ARTIFACT_MIRROR="$mirror" --var REGISTRY="$registry"
same "output digest and oras resolve" "$(oras resolve --plain-http "$registry/samples/nested:one")" "$(result nested)"
# What makes the test one: this runner does let an outer action's inputs through.
same "INPUT_ variables in the outer action" "INPUT_COMMAND INPUT_FILES INPUT_PASSWORD INPUT_RETRIES INPUT_TAGS" \
  "$(grep -v INPUT_WHERE "$results/input-variables" | xargs)"
