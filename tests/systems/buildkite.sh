# Sourced by scripts/test-systems: the steps of examples/ci/buildkite.yml, read by `buildkite-agent pipeline upload` and
# run by `buildkite-agent bootstrap`, with our plugin from a git repository; then what else a step may have.
#
# There is no Buildkite here: tests/systems/buildkite_api.py plays its API, and the agent's own program talks to it.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch, $registry: scripts/lib/registry.sh

. tests/systems/buildkite_job.sh
start_registry buildkite distribution robot "$PASSWORD"
start_buildkite

publish_source plugin.yml hooks ci
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


# By a URL that gives the plugin another name; the command sees nothing of its configuration.
# shellcheck disable=SC2016 # for the shell of the step
passes "a URL that ends in .git" git 'test -z "${BUILDKITE_PLUGIN_CONFIGURATION:-}${BUILDKITE_PLUGIN_NAME:-}"' \
  "$(plugins '"reference": "samples/git:v1", "files": ["a.txt"], "annotations": {"command": "pull"}' |
    sed 's,oci-artifact#,oci-artifact.git#,')"
resolve samples/git:v1 >/dev/null || fail "nothing was pushed by the URL that ends in .git"

bootstrap failing 'exit 7' "$(plugins '"reference": "samples/failed:v1", "files": ["a.txt"]')"
same "status of a failed command" 7 "$status"
! resolve samples/failed:v1 >/dev/null 2>&1 || fail "a push followed a command that failed"

# The agent holds the configuration to plugin.yml, where it is told to; else the program warns.
bootstrap wrong "" "$(plugins '"referense": "samples/wrong:v1"')"
[ "$status" != 0 ] || fail "a key that plugin.yml has not was accepted"
shows "$log" 'referense.*additional properties are not allowed' "the agent does not name the wrong key"
! grep -q 'Running plugin' "$log" || fail "the plugin ran with a key that plugin.yml has not"
bootstrap wrong "" "$(plugins '"referense": "samples/wrong:v1"')" BUILDKITE_PLUGIN_VALIDATION=false
same "status with a wrong key" 2 "$status"
shows "$log" 'referense.*did you mean reference' "the wrong key is not named"

bootstrap mistaken "" "$(plugins '"spec": {"artifacts": [{"reference": "samples/mistaken:v1", "file": ["a.txt"]}]}')"
same "status with a mistake in the spec" 2 "$status"
same "the mistake as an annotation" 1 "$(annotations error 'unknown key')"

# No secret in a pipeline, which everybody may read.
bootstrap secret "" "$(plugins '"password": "in-the-clear"')"
[ "$status" != 0 ] || fail "a password in the pipeline was accepted"
bootstrap secret "" "$(plugins '"password": "in-the-clear"')" BUILDKITE_PLUGIN_VALIDATION=false
same "status with a password in the pipeline" 2 "$status"

bootstrap strict 'echo ran' "$(plugins '"reference": "samples/strict:v1", "files": ["a.txt"]')" \
  BUILDKITE_COMMAND_EVAL=false
same "status where the agent evaluates no commands" 2 "$status"
! grep -q '^ran' "$log" || fail "a command ran on an agent that evaluates none"

# What was pushed is pushed, whatever Buildkite says to the rest.
passes "Buildkite's refusal" deaf "" "$(plugins '"reference": "samples/deaf:v1", "files": ["a.txt"]')" \
  BUILDKITE_AGENT_ACCESS_TOKEN=another
shows "$log" 'warning.*buildkite-agent' "the refusal is not told"
resolve samples/deaf:v1 >/dev/null || fail "nothing was pushed"
