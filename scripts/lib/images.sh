# Sourced by scripts/test-images and scripts/release-rehearsal, after registry.sh and docker.sh.
#
#   find_static_binary         $binary: $OCI_ARTIFACT_BIN if it is static, else scripts/build-release; $arch, $other_arch
#   ours ARGUMENT...           runs it on this machine, of whose environment nothing helps or hinders
#   run IMAGE ARGUMENT...      runs an image in $work, as /w, with the options of the array `options`
#   inspect IMAGE FORMAT       what docker knows of it
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # read and set by who sources this
. scripts/lib/check.sh

passed() { printf '%s: %s\n' "${0##*/}" "$*"; }

find_static_binary() {
  case $(uname -m) in
    x86_64) arch=amd64 other_arch=arm64 ;;
    aarch64) arch=arm64 other_arch=amd64 ;;
    *) fail "there are no images for $(uname -m)" ;;
  esac
  # A static program has no list of libraries.
  if [ -n "${OCI_ARTIFACT_BIN:-}" ] && ! ldd "$OCI_ARTIFACT_BIN" 2>/dev/null | grep -q '=>'; then
    binary=$(realpath "$OCI_ARTIFACT_BIN")
  else
    binary=$(scripts/build-release)
  fi
}

ours() {
  env -i PATH="$PATH" HOME="$scratch" "$binary" "$@" 2>"$scratch/ours.log" >"$scratch/ours.out" || {
    cat "$scratch/ours.log" >&2
    fail "oci-artifact $* failed"
  }
}

run() {
  "${docker[@]}" run --rm --interactive --network host --volume "$work:/w" --workdir /w "${options[@]}" "$@" \
    >"$scratch/run.out" 2>"$scratch/run.log" </dev/null || {
    cat "$scratch/run.out" "$scratch/run.log" >&2
    fail "docker run ${options[*]} $* failed"
  }
}

inspect() { "${docker[@]}" image inspect --format "$2" "$1"; }
