# Sourced by the scripts, from the root of the repository.
#
#   find_binary     $OCI_ARTIFACT_BIN: the program under test, absolute: as set, else the newest build, else built now
# shellcheck shell=bash

find_binary() {
  if [ -z "${OCI_ARTIFACT_BIN:-}" ]; then
    local target=${CARGO_TARGET_DIR:-target} candidate
    for candidate in "$target"/release/oci-artifact "$target"/*/release/oci-artifact "$target"/debug/oci-artifact; do
      [ -x "$candidate" ] || continue
      [ -n "${OCI_ARTIFACT_BIN:-}" ] && [ "$OCI_ARTIFACT_BIN" -nt "$candidate" ] || OCI_ARTIFACT_BIN=$candidate
    done
    if [ -z "${OCI_ARTIFACT_BIN:-}" ]; then
      cargo build --locked
      OCI_ARTIFACT_BIN=$target/debug/oci-artifact
    fi
  fi
  OCI_ARTIFACT_BIN=$(realpath "$OCI_ARTIFACT_BIN")
  export OCI_ARTIFACT_BIN
}
