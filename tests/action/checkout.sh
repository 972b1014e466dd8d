# A suite of scripts/test-action: `uses: ./`, the action of a checkout, against real registries.
# shellcheck shell=bash disable=SC2154
local_action=(--env OCI_ARTIFACT_BIN="$OCI_ARTIFACT_BIN")

start_registry locked distribution-tls robot "$PASSWORD"
run_act tests/action/two-jobs.yml "${local_action[@]}" --var REGISTRY="$registry" --var CA_FILE="$registry_ca"
resolve() { oras resolve --ca-file "$registry_ca" -u robot --password-stdin "$registry/$1" <<<"$PASSWORD"; }
digest=$(result digest)
same "output digest and oras resolve" "$(resolve samples/docs:latest)" "$digest"
same "output json and oras resolve" "$(resolve samples/app:latest)" "$(result app-digest)"
same "digest in the second job" "$digest" "$(result digest-in-second-job)"
same "references" "$registry/samples/docs@$digest
$registry/samples/app@$(result app-digest)" "$(result references)"

start_registry open olareg
run_act tests/action/shortest.yml "${local_action[@]}" --var REGISTRY="$registry"
[ -e "$results/pulled" ] || fail "the second job of shortest checked nothing"
{ read -r reference; read -r sha; } <"$results/reference"
repository=$registry/octo-org/hello-world/build
same "output reference" "$repository@$(oras resolve --plain-http "$repository:$sha")" "$reference"

run_act tests/action/mistake.yml "${local_action[@]}"
same "outcome and exit code" "failure
2" "$(result mistake)"
log_has '::error .*file=tests/action/mistake.yaml,.*line=5'
! grep -q '::error .*ended without a result' "$act_log" || fail "a told mistake was told again"

# A program that could not even start, as with a spec over 128 KiB, leaves no exit code. (act itself can start nothing
# then: it gives every step the inputs once more, as INPUT_*.)
run_act tests/action/mistake.yml --env OCI_ARTIFACT_BIN="$(type -P false)"
same "outcome and exit code" failure "$(result mistake)"
log_has '::error .*ended without a result.*spec-file'
