# Sourced by scripts/test-images, after scratch.sh: the image as a plugin, with the environment that the two systems
# give one. Woodpecker: `pipeline/frontend/yaml/compiler/settings` (names: upper case, - and . become _; a list of
# scalars is joined by commas, anything else is JSON). Drone: `engine/compiler` (upper case alone, - and . stay).
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2054 # set by scripts/test-images; the commas are the systems'

echo second >"$work/second.txt"
echo '{"sbom":true}' >"$work/sbom.json"

options=(
  --env CI=woodpecker --env CI_REPO=octo/hello --env CI_COMMIT_SHA=0123456789abcdef0123456789abcdef01234567
  --env CI_COMMIT_BRANCH=main --env CI_PIPELINE_NUMBER=7 --env CI_WORKSPACE=/w
  --env PLUGIN_REFERENCE="$plain/woodpecker/app:v1"
  --env PLUGIN_FILES=hello.txt,second.txt
  --env PLUGIN_TAGS=v1.2,latest
  --env PLUGIN_ARTIFACT_TYPE=application/vnd.example.app.v1
  --env PLUGIN_ANNOTATIONS='{"com.example.kind":"plugin"}'
)
run "$scratch_image"
crane manifest --insecure "$plain/woodpecker/app:latest" >"$scratch/manifest"
same "what the settings made" "application/vnd.example.app.v1 plugin hello.txt second.txt" "$(python3 -c '
import json, sys
manifest = json.load(sys.stdin)
titles = [layer["annotations"]["org.opencontainers.image.title"] for layer in manifest["layers"]]
print(manifest["artifactType"], manifest["annotations"]["com.example.kind"], *titles)' <"$scratch/manifest")"
same "tags" "latest v1 v1.2" "$(crane ls --insecure "$plain/woodpecker/app" | sort | tr '\n' ' ' | sed 's/ $//')"
passed "plugin: Woodpecker, with lists and a map"

# A whole spec as a text, with its lines.
options=(
  --env CI=woodpecker --env CI_WORKSPACE=/w
  --env PLUGIN_SPEC="artifacts:
  - reference: $plain/woodpecker/spec:v1
    files: [hello.txt]
    attachments:
      - {artifact-type: application/vnd.example.sbom, files: [sbom.json]}"
)
run "$scratch_image"
oras discover --plain-http --format json "$plain/woodpecker/spec:v1" | grep -q application/vnd.example.sbom ||
  fail "the spec's attachment is not there"
passed "plugin: Woodpecker, with a spec"

options=(
  --env CI=true --env DRONE=true --env DRONE_REPO=octo/hello --env DRONE_BRANCH=main
  --env DRONE_COMMIT=0123456789abcdef0123456789abcdef01234567 --env DRONE_WORKSPACE=/w
  --env PLUGIN_REFERENCE="$plain/drone/app:v1"
  --env PLUGIN_FILES=hello.txt,second.txt
  --env PLUGIN_ARTIFACT-TYPE=application/vnd.example.app.v1
)
options+=(--env PLUGIN_DRY-RUN=true)
run "$scratch_image"
! crane manifest --insecure "$plain/drone/app:v1" >/dev/null 2>&1 || fail "PLUGIN_DRY-RUN=true has pushed"
unset 'options[-1]' 'options[-1]'
run "$scratch_image"
crane manifest --insecure "$plain/drone/app:v1" | grep -q '"artifactType":"application/vnd.example.app.v1"' ||
  fail "the setting artifact-type of Drone got lost"
passed "plugin: Drone, whose settings keep their hyphens; a dry run pushes nothing"
