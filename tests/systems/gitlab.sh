# Sourced by scripts/test-systems: examples/ci/gitlab.yml as it is, with the components that it includes, run by
# gitlab-ci-local against a registry with a password; then a pipeline with a mistake in its spec.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch, $registry: scripts/lib/registry.sh

start_registry gitlab distribution gitlab-ci-token "$PASSWORD"
project=$scratch/project
mkdir "$project"
git -C "$project" init -q
git -C "$project" remote add origin https://gitlab.example.com/group/hello.git
cp examples/ci/gitlab.yml "$project/.gitlab-ci.yml"
printf '/.gitlab-ci-local\n' >"$project/.gitignore"
git -C "$project" add -A
git -C "$project" commit -qm test

# What a component's URL gives is looked for in this folder before it is fetched. gitlab-ci-local doesn't know
# `expand: false` of a job's variable, which GitLab does.
includes=$project/.gitlab-ci-local/includes
for component in push pull; do
  place=$includes/raw.githubusercontent.com/OWNER/oci-artifact/v$version/templates
  mkdir -p "$place"
  sed 's/{value: \(.*\), expand: false}/\1/' "templates/$component.yml" >"$place/$component.yml"
done

# It says GITLAB_CI=false itself, and names the folder that a container would have. The rest is what GitLab gives a job
# for the project's own registry.
gitlab() { # LOG [ARGUMENT...]
  local log=$1
  shift
  # Its own folder: it takes no absolute path.
  (cd "$project" && exec gitlab-ci-local --home "$HOME" --force-shell-executor \
    --variable GITLAB_CI=true --variable CI_PROJECT_DIR="$project" --variable CI_REGISTRY="$registry" \
    --variable CI_REGISTRY_IMAGE="$registry/group/hello" --variable CI_REGISTRY_USER=gitlab-ci-token \
    --variable CI_REGISTRY_PASSWORD="$PASSWORD" --variable CI_SERVER_URL=https://gitlab.example.com "$@") \
    >"$log" 2>&1 </dev/null
}

log=$scratch/gitlab.log
gitlab "$log" || {
  cat "$log" >&2
  fail "the pipeline of examples/ci/gitlab.yml failed"
}
! grep -qF "$PASSWORD" "$log" || fail "the password is in the log"
report=$(find "$project/.gitlab-ci-local/artifacts/oci-artifact-push" -name oci-artifact.env)
digest=$(sed -n 's/^ARTIFACT_DIGEST=//p' "$report")
tagged=$(oras resolve --plain-http -u gitlab-ci-token --password-stdin "$registry/group/hello/app:main" <<<"$PASSWORD")
same "digest of the dotenv report and oras resolve" "$tagged" "$digest"
same "reference of the dotenv report" "$registry/group/hello/app@$digest" \
  "$(sed -n 's/^ARTIFACT_REFERENCE=//p' "$report")"
# A line a variable, with nothing that GitLab's parser refuses (Ci::ParseDotenvArtifactService).
! grep -qvE '^[A-Za-z][A-Za-z0-9_]*=.' "$report" || fail "the dotenv report has other lines: $(cat "$report")"
shows "$log" 'section_start:[0-9]+:[A-Za-z0-9_.-]+' "the log has no section"
shows "$log" 'section_end:[0-9]+:[A-Za-z0-9_.-]+' "no section of the log ends"
same "the restored file" hello "$(cat "$project/restored/dist/app")"
same "the restored directory" more "$(cat "$project/restored/dist/details/notes.txt")"

# A component of the project itself, as a catalog's project tests its own.
cat >"$project/.gitlab-ci.yml" <<'YAML'
include:
  - component: $CI_SERVER_HOST/group/hello/push@$CI_COMMIT_SHA
    inputs: {spec-file: artifacts.yaml, job: mistaken}
YAML
mkdir "$project/templates"
cp "$place/push.yml" "$project/templates"
cat >"$project/artifacts.yaml" <<YAML
artifacts:
  - reference: $registry/group/hello/app:v1
    file: [dist/app]
YAML
git -C "$project" add -A
git -C "$project" commit -qm mistake
log=$scratch/mistake.log
! gitlab "$log" mistaken || fail "a mistake in the spec passed: $(cat "$log")"
shows "$log" 'mistaken .*FAIL 2' "the job with a mistake did not exit with 2"
report=$(find "$project" -name oci-artifact-code-quality.json | head -n 1)
[ -n "$report" ] || fail "no code quality report: $(cat "$log")"
check-jsonschema --quiet --schemafile tests/systems/code-quality.schema.json "$report"
# shellcheck disable=SC2016 # JavaScript
same "place of the mistake" "artifacts.yaml 3" \
  "$(peers-node -p 'const [x] = require(process.argv[1]); `${x.location.path} ${x.location.lines.begin}`' "$report")"
