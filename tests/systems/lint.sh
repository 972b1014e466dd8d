# Sourced by scripts/test-systems: what is shipped and what the pages show, by the schemas that the systems publish, and
# every script in it by shellcheck.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch: scripts/lib/registry.sh

lint() { # SCHEMA FILE...
  local schema=$1
  shift
  check-jsonschema --quiet --builtin-schema "vendor.$schema" "$@" || fail "$*: not as $schema has it"
}

# A component is two documents, of which the schema knows one at a time.
for component in push pull; do
  sed '1,/^---$/!d; /^---$/d' "templates/$component.yml" >"$scratch/$component-spec.yml"
  sed '1,/^---$/d' "templates/$component.yml" >"$scratch/$component-job.yml"
  lint gitlab-ci "$scratch/$component-spec.yml" "$scratch/$component-job.yml"
done

# Each block of a page by itself.
pages=$scratch/pages
mkdir "$pages"
for page in docs/ci/*.md; do
  awk -v stem="$pages/$(basename "$page" .md)" \
    '/^```yaml$/ {file = stem "-" ++number ".yml"; next} /^```$/ {file = ""} file {print > file}' "$page"
done
lint gitlab-ci "$pages"/gitlab-*.yml
lint azure-pipelines "$pages"/azure-*.yml
lint woodpecker-ci "$pages"/woodpecker-*.yml
lint drone-ci "$pages"/drone-1.yml # the other is Harness's
lint buildkite "$pages"/buildkite-*.yml
lint bitbucket-pipelines "$pages"/bitbucket-*.yml
lint github-workflows "$pages"/github-*.yml "$pages"/gitea-*.yml
actionlint -no-color "$pages"/github-*.yml
# The schema knows no `if` among steps: the template as it is after expansion, with and without a connection.
python=$(dirname "$(realpath "$(command -v check-jsonschema)")")/python
for connection in '' connection; do
  REGISTRY=- PASSWORD=- "$python" -B tests/systems/contracts/azure.py "$connection" >"$scratch/azure-$connection.yml"
  lint azure-pipelines "$scratch/azure-$connection.yml"
done
check-jsonschema --quiet --schemafile tests/systems/tekton.schema.json ci/tekton/oci-artifact.yaml ||
  fail "ci/tekton/oci-artifact.yaml is no Task"
check-jsonschema --quiet --schemafile tests/systems/buildkite-plugin.schema.json plugin.yml ||
  fail "plugin.yml is no plugin"

# The orb, packed, inside a configuration that uses it: the schema has no file for an orb alone. The owner's namespace
# has small letters there.
"$python" -B tests/systems/pack_orb.py ci/circleci/orb examples/ci/circleci.yml >"$scratch/circleci.yml"
sed -i 's,: OWNER/,: owner/,' "$pages"/circleci-*.yml
lint circle-ci "$scratch/circleci.yml" "$pages"/circleci-*.yml

# Scripts inside YAML, by the shell that runs them there.
"$python" -B tests/systems/scripts_in.py "$scratch/scripts" templates/*.yml ci/azure/steps.yml \
  ci/circleci/orb/commands/*.yml examples/ci/*.y*ml
# Their variables are the systems'.
shellcheck --exclude=SC1091,SC2154 "$scratch"/scripts/*
shellcheck --exclude=SC1091 hooks/command ci/install scripts/test-systems tests/systems/*.sh
