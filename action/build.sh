# Sourced by action/install in a checkout of the sources: builds the program, and keeps it in the tool cache under a
# digest of what it is made of.
# shellcheck shell=sh

key=$(
  {
    uname -sm
    find Cargo.toml Cargo.lock src scripts/build-release -type f | LC_ALL=C sort | while read -r file; do
      printf '%s  %s\n' "$(sha256 "$file")" "$file"
    done
  } >"${RUNNER_TEMP:?}/oci-artifact-sources.$$"
  sha256 "$RUNNER_TEMP/oci-artifact-sources.$$" | cut -c1-32
  rm -f "$RUNNER_TEMP/oci-artifact-sources.$$"
)
cache=${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/oci-artifact/$key
binary=$cache/oci-artifact
[ ! -x "$binary" ] || hand_on "$binary"

command -v cargo >/dev/null || fail "in a checkout of its sources, oci-artifact is built by cargo, which is not here:\
 install Rust, use a release (uses: OWNER/oci-artifact@v1), or set OCI_ARTIFACT_BIN to a binary"

echo '::group::Build oci-artifact'
built=$(sh scripts/build-release) || fail "cargo could not build oci-artifact: its errors are above"
echo '::endgroup::'

# Whole or not at all: another job on this runner may look at the same moment.
mkdir -p "$cache"
cp "$built" "$cache/.new.$$"
mv -f "$cache/.new.$$" "$binary"
hand_on "$binary"
