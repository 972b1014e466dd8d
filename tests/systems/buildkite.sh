# Sourced by scripts/test-systems: the steps of examples/ci/buildkite.yml, read by `buildkite-agent pipeline upload` and
# run by `buildkite-agent bootstrap`, with our plugin from a git repository; then what else a step may have.
#
# There is no Buildkite here: tests/systems/buildkite_api.py plays its API, and the agent's own program talks to it.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch, $registry: scripts/lib/registry.sh

start_registry buildkite distribution robot "$PASSWORD"
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

# The URL of the example gives the plugin of this checkout.
plugin=$scratch/plugin
mkdir "$plugin"
cp -r plugin.yml hooks ci "$plugin"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
git -C "$plugin" init -q
git -C "$plugin" add -A
git -C "$plugin" commit -qm plugin
git -C "$plugin" tag "v$version"
git config --global "url.file://$plugin.insteadOf" https://github.com/OWNER/oci-artifact
repository=$scratch/repository
git init -q "$repository"
echo a >"$repository/a.txt"
echo b >"$repository/b.txt"
git -C "$repository" add -A
git -C "$repository" commit -qm test

commit=$(git -C "$repository" rev-parse HEAD)

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
requested() { # EXPRESSION: of the requests so far, as JavaScript's list `all`
  peers-node -p "const all = require('fs').readFileSync('$requests', 'utf8').trim().split('\n').map(JSON.parse); $1"
}
resolve() { oras resolve --plain-http -u robot --password-stdin "$registry/$1" <<<"$PASSWORD"; }
at() { # JSON EXPRESSION: of `it`
  peers-node -p "const it = JSON.parse(process.argv[1]); $2" "$1"
}

sed "s/registry\.example\.com/$registry/" examples/ci/buildkite.yml >"$scratch/pipeline.yml"
# The token is for an upload; a dry run has none.
pipeline=$(cd "$repository" && buildkite-agent pipeline upload --dry-run --format json "$scratch/pipeline.yml" \
  2>"$scratch/upload.log")
passes "the first step" build "$(at "$pipeline" 'it.steps[0].command')" \
  "$(at "$pipeline" 'JSON.stringify(it.steps[0].plugins)')"
shows "$log" 'pushed \(1 file' "nothing was pushed"
tag=${commit:0:7}
digest=$(resolve "samples/app:$tag")
meta_data() { requested "all.findLast(r => r.body.key == 'oci-artifact:$1').body.value"; }
annotations() { requested "all.filter(r => r.body.style == '$1' && r.body.body.includes('$2')).length"; }
same "meta-data of the digest" "$digest" "$(meta_data build:digest)"
same "requests that Buildkite refused" 0 "$(requested 'all.filter(r => !r.allowed).length')"
same "a summary, as an annotation" 1 "$(annotations info samples/app)"
passes "the second step" test "$(at "$pipeline" 'it.steps[2].command')" '[]'


# CONFIGURATION...: the JSON of a step's plugins, each ours.
plugins() {
  local list='' configuration
  for configuration in "$@"; do
    list="$list,{\"https://github.com/OWNER/oci-artifact#v$version\": {\"registry\": \"$registry\",\
 \"username\": \"robot\", $configuration}}"
  done
  printf '[%s]\n' "${list#,}"
}
passes "lists, without a key" "" "" "$(plugins '"reference": "samples/lists:v1", "files": ["a.txt", "b.txt"],
  "tags": ["one", "two"], "annotations": {"com.example.a": "1"}, "retries": 3, "force": true')"
digest=$(resolve samples/lists:v1)
same "a tag of the list" "$digest" "$(resolve samples/lists:two)"
same "meta-data without a key" "$digest" "$(meta_data digest)"

pull='"command": "pull", "reference": "samples/lists:v1", "output": "restored"'
passes "a command behind a pull" next 'cat restored/b.txt && echo again >>count' "$(plugins "$pull")"
shows "$log" '^b' "the command did not see what was pulled"
passes "a pull and a push around one command" both 'cp restored/a.txt c.txt && echo once >>count.txt' \
  "$(plugins "$pull" '"reference": "samples/both:v1", "files": ["c.txt", "count.txt"]')"
mkdir "$scratch/both"
oras pull --plain-http -u robot --password-stdin -o "$scratch/both" "$registry/samples/both:v1" <<<"$PASSWORD" \
  >"$scratch/oras.log"
same "how often the command ran" once "$(cat "$scratch/both/count.txt")"

bootstrap failing 'exit 7' "$(plugins '"reference": "samples/failed:v1", "files": ["a.txt"]')"
same "status of a failed command" 7 "$status"
! resolve samples/failed:v1 >/dev/null 2>&1 || fail "a push followed a command that failed"

# The agent holds the configuration to plugin.yml, where it is told to; else the program warns.
bootstrap wrong "" "$(plugins '"referense": "samples/wrong:v1"')"
[ "$status" != 0 ] || fail "a key that plugin.yml has not was accepted"
shows "$log" 'referense' "the wrong key is not named"
bootstrap wrong "" "$(plugins '"referense": "samples/wrong:v1"')" BUILDKITE_PLUGIN_VALIDATION=false
same "status with a wrong key" 2 "$status"
shows "$log" 'referense.*did you mean reference' "the wrong key is not named"

bootstrap mistaken "" "$(plugins '"spec": {"artifacts": [{"reference": "samples/mistaken:v1", "file": ["a.txt"]}]}')"
same "status with a mistake in the spec" 2 "$status"
same "the mistake as an annotation" 1 "$(annotations error 'unknown key')"

# No secret in a pipeline, which everybody may read.
bootstrap secret "" "$(plugins '"password": "in-the-clear"')"
[ "$status" != 0 ] || fail "a password in the pipeline was accepted"

bootstrap strict 'echo ran' "$(plugins '"reference": "samples/strict:v1", "files": ["a.txt"]')" \
  BUILDKITE_COMMAND_EVAL=false
same "status where the agent evaluates no commands" 2 "$status"
! grep -q '^ran' "$log" || fail "a command ran on an agent that evaluates none"

# What was pushed is pushed, whatever Buildkite says to the rest.
passes "Buildkite's refusal" deaf "" "$(plugins '"reference": "samples/deaf:v1", "files": ["a.txt"]')" \
  BUILDKITE_AGENT_ACCESS_TOKEN=another
shows "$log" 'warning.*buildkite-agent' "the refusal is not told"
resolve samples/deaf:v1 >/dev/null || fail "nothing was pushed"
