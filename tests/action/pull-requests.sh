# A suite of scripts/test-action: pull requests that get no secrets, from a fork and of Dependabot, and one that does.
# shellcheck shell=bash disable=SC2034,SC2154
start_registry forked distribution-tls robot "$PASSWORD"

event() { # HEAD-REPOSITORY
  printf '{"number": 12, "action": "opened", "pull_request": {"number": 12,
    "head": {"ref": "patch", "sha": "%s", "repo": {"full_name": "%s"}},
    "base": {"ref": "main", "sha": "%s", "repo": {"full_name": "Octo-Org/Hello-World"}}}}\n' \
    "$sha" "$1" "$sha" >"$scratch/pull-request.json"
}
sha=$(git -C "$tree" rev-parse HEAD)
pull_request=(tests/action/pull-request.yml -e "$scratch/pull-request.json" --var REGISTRY="$registry"
  --var CA_FILE="$registry_ca" --local-repository "octo-org/oci-artifact@v1=$action"
  --env OCI_ARTIFACT_MIRROR="$mirror")
act_event=pull_request

outcome() { result pull-request | head -n 2 | xargs; }
reference() { sed -n 3p "$results/pull-request"; }
is_told() { # LEVEL: as what the fork's lack of rights is told
  log_has "::$1 .*a pull request from a fork gets neither secrets nor the right to write packages"
  [ "$1" = error ] || ! grep -q '::error' "$act_log" || fail "what is skipped is told as an error"
}

# The registry denies it, and our own check where the secret is named but blank.
for identity in '' robot; do
  event someone/hello-world
  workflow_fails "${pull_request[@]}" --var IF_DENIED=fail --var USERNAME="$identity"
  is_told error
  log_has '::error .*if-denied: skip'
  same "outcome and exit code" "failure $([ -n "$identity" ] && echo 2 || echo 3)" "$(outcome)"

  run_act "${pull_request[@]}" --var IF_DENIED=skip --var USERNAME="$identity"
  is_told notice
  same "outcome, exit code, reference" "success 0 " "$(outcome) $(reference)"

  run_act "${pull_request[@]}" --var IF_DENIED=skip --var USERNAME="$identity" --actor 'dependabot[bot]'
  log_has '::notice .*a pull request of Dependabot gets neither secrets'

  event Octo-Org/Hello-World
  workflow_fails "${pull_request[@]}" --var IF_DENIED=skip --var USERNAME="$identity"
  ! grep -q 'from a fork' "$act_log" || fail "a branch of the repository itself is called a fork"
done

event someone/hello-world
REGISTRY_PASSWORD=$PASSWORD run_act "${pull_request[@]}" --var IF_DENIED=skip --var USERNAME=robot \
  --secret REGISTRY_PASSWORD
same "a fork that may write" "success 0 $registry/samples/fork" "$(outcome) $(reference | cut -d@ -f1)"
unset act_event
