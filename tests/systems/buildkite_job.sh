# Sourced by parts of scripts/test-systems: jobs of Buildkite, as the agent runs them.
#
#   start_buildkite                  tests/systems/buildkite_api.py plays its API; $requests: what it was asked
#   bootstrap, passes                a job of $repository, at $commit
#   plugins                          the JSON of a step's plugins, each ours as publish_source has it
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # $scratch, $registry: scripts/lib/registry.sh

start_buildkite() {
  requests=$scratch/requests
  export BUILDKITE_AGENT_ACCESS_TOKEN=agent-token-of-this-test
  : >"$requests"
  python3 tests/systems/buildkite_api.py "$requests" >"$scratch/api-port" &
  scratch_pids+=($!)
  for ((tries = 0; tries < 100; tries++)); do
    [ ! -s "$scratch/api-port" ] || break
    sleep 0.05
  done
  endpoint=http://127.0.0.1:$(cat "$scratch/api-port")
  repository=$scratch/repository
  git init -q "$repository"
  echo a >"$repository/a.txt"
  echo b >"$repository/b.txt"
  git -C "$repository" add -A
  git -C "$repository" commit -qm test
  commit=$(git -C "$repository" rev-parse HEAD)
}

# KEY COMMAND PLUGINS [VARIABLE=VALUE...]: one job, as the agent starts it. Leaves $log and $status.
job=0
bootstrap() {
  local key=$1 command=$2 plugins=$3
  shift 3
  job=$((job + 1))
  log=$scratch/buildkite-$job.log
  status=0
  env -i PATH="$PATH" HOME="$HOME" GIT_CONFIG_NOSYSTEM=1 CI=true BUILDKITE=true \
    BUILDKITE_AGENT_ENDPOINT="$endpoint" BUILDKITE_AGENT_ACCESS_TOKEN="$BUILDKITE_AGENT_ACCESS_TOKEN" \
    BUILDKITE_JOB_ID="00000000-0000-0000-0000-00000000000$job" BUILDKITE_BUILD_ID=build BUILDKITE_BUILD_NUMBER=7 \
    BUILDKITE_STEP_KEY="$key" BUILDKITE_COMMAND="$command" BUILDKITE_PLUGINS="$plugins" \
    BUILDKITE_AGENT_NAME=agent BUILDKITE_ORGANIZATION_SLUG=org BUILDKITE_PIPELINE_SLUG=hello \
    BUILDKITE_PIPELINE_PROVIDER=git BUILDKITE_REPO="$repository" BUILDKITE_COMMIT="$commit" BUILDKITE_BRANCH=main \
    BUILDKITE_BUILD_PATH="$scratch/builds" BUILDKITE_PLUGINS_PATH="$scratch/plugins" \
    BUILDKITE_SOCKETS_PATH="$scratch/sockets" BUILDKITE_BIN_PATH="$(dirname "$(command -v buildkite-agent)")" \
    BUILDKITE_SHELL="/bin/bash -e -c" BUILDKITE_PLUGIN_VALIDATION=true BUILDKITE_GIT_CLEAN_FLAGS=-ffxdq \
    BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH=true \
    OCI_ARTIFACT_PASSWORD="$PASSWORD" "$@" \
    buildkite-agent bootstrap >"$log" 2>&1 </dev/null || status=$?
  ! grep -qF "$PASSWORD" "$log" || fail "the password is in the log of job $job"
}
passes() { # WHAT BOOTSTRAP-ARGUMENT...
  local what=$1
  shift
  bootstrap "$@"
  [ "$status" = 0 ] || {
    cat "$log" >&2
    fail "$what: the job failed ($status)"
  }
}

# CONFIGURATION...: the JSON of a step's plugins, each ours.
plugins() {
  local list='' configuration
  for configuration in "$@"; do
    list="$list,{\"https://github.com/OWNER/oci-artifact#v$version\": {\"registry\": \"$registry\",\
 \"username\": \"robot\", $configuration}}"
  done
  printf '[%s]\n' "${list#,}"
}
