# Sourced by scripts/test-systems: jobs without oci-artifact on PATH get the release of the commit that they name: by
# the Azure template, the orb and Buildkite's plugin, from a release server on loopback.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch, $registry: scripts/lib/registry.sh

. tests/systems/buildkite_job.sh
. scripts/lib/release.sh
start_registry install distribution robot "$PASSWORD"
[ -n "${endpoint:-}" ] || start_buildkite

program=$(realpath "$scratch/bin/oci-artifact")
PATH=${PATH#"$scratch/bin:"}
! command -v oci-artifact >/dev/null || fail "there is an oci-artifact on PATH: $(command -v oci-artifact)"
case $(uname -m) in aarch64 | arm64) platform=linux-arm64 ;; *) platform=linux-x64 ;; esac
releases=$scratch/releases
mkdir -p "$releases/files"
scripts/package-release "$program" linux "${platform#linux-}" "$releases/files" >/dev/null
tests/action/release-server "$releases" &
scratch_pids+=($!)
for ((tries = 0; tries < 100; tries++)); do
  [ ! -s "$releases/port" ] || break
  sleep 0.05
done
OCI_ARTIFACT_MIRROR=http://127.0.0.1:$(cat "$releases/port")/octo-org/oci-artifact/releases/download
export OCI_ARTIFACT_MIRROR
requests() { [ ! -e "$releases/log" ] || wc -l <"$releases/log" | tr -d ' '; }

# A commit that is no release's says so.
publish_source plugin.yml hooks ci action
step="$(plugins '"reference": "samples/none:v1", "files": ["a.txt"]')"
bootstrap none "" "$step" OCI_ARTIFACT_MIRROR="$OCI_ARTIFACT_MIRROR"
[ "$status" != 0 ] || fail "a commit without a release ran"
shows "$log" '^oci-artifact: this commit of the action has no release' "the missing release is not told"

archive=$(archive_of "$version" "$platform")
tree=$scratch/release-tree
mkdir "$tree"
cp -r plugin.yml hooks ci action "$tree"
printf '%s\n' "$version" >"$tree/action/version"
{
  printf '%s  %s\n' "$(sha256sum <"$releases/files/$archive" | cut -d' ' -f1)" "$archive"
  printf '%s  %s\n' "$(sha256sum <"$program" | cut -d' ' -f1)" "$(program_of "$version" "$platform")"
} >"$tree/action/checksums.txt"
publish_source "$tree"/*

python=$(dirname "$(realpath "$(command -v check-jsonschema)")")/python
REGISTRY=$registry PASSWORD=$PASSWORD "$python" -B tests/systems/contracts install

passes "the plugin, which installs" install "" "$(plugins '"reference": "samples/plugin:v1", "files": ["a.txt"]')" \
  OCI_ARTIFACT_MIRROR="$OCI_ARTIFACT_MIRROR"
shows "$log" 'pushed \(1 file' "nothing was pushed"
before=$(requests)
passes "the plugin, again" install "" "$(plugins '"reference": "samples/plugin:v1", "files": ["a.txt"]')" \
  OCI_ARTIFACT_MIRROR="$OCI_ARTIFACT_MIRROR"
same "requests of the second job" "$before" "$(requests)"

rm -rf "$HOME/.cache/oci-artifact"
printf x | dd of="$releases/files/$archive" bs=1 seek=1000 conv=notrunc status=none
bootstrap tampered "" "$(plugins '"reference": "samples/tampered:v1", "files": ["a.txt"]')" \
  OCI_ARTIFACT_MIRROR="$OCI_ARTIFACT_MIRROR"
[ "$status" != 0 ] || fail "a tampered archive ran"
shows "$log" 'is not what was released' "the tampering is not told"
