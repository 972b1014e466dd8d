# Sourced by action/install: the program of the release that action/version names, for this runner.
#
# action/checksums.txt has the sha256 of each release archive, and of the program in it, as `ARCHIVE/oci-artifact` with
# the archive's name but for its ending. The archive is checked before it is unpacked, the program each time before it
# is handed on: a tool cache outlives the job, and other jobs write there.
# shellcheck shell=sh
# shellcheck disable=SC2154 # $instead is install's, $url download.sh's

listed() { # NAME: its sha256
  while read -r sum name; do
    [ "$name" != "$1" ] || printf '%s\n' "$sum"
  done <action/checksums.txt
}

platform() { # "OS-ARCH", as archives have it
  case ${RUNNER_OS:-$(uname -s)} in
    Linux) os=linux ;;
    macOS | Darwin) os=macos ;;
    *) os=${RUNNER_OS:-$(uname -s)} ;;
  esac
  case ${RUNNER_ARCH:-$(uname -m)} in
    X64 | x86_64 | amd64) arch=x64 ;;
    ARM64 | aarch64 | arm64) arch=arm64 ;;
    *) arch=${RUNNER_ARCH:-$(uname -m)} ;;
  esac
  printf '%s-%s\n' "$os" "$arch"
}

[ -f action/version ] && [ -f action/checksums.txt ] || fail "this commit of the action has no release:\
 use a tag such as v1 or the commit that a tag names, $instead"
version=$(cat action/version)
platform=$(platform)
stem=oci-artifact-$version-$platform
archive=$stem.tar.gz
archive_sum=$(listed "$archive")
program_sum=$(listed "$stem/oci-artifact")
[ -n "$archive_sum" ] && [ -n "$program_sum" ] || fail "oci-artifact $version has no program for $platform,\
 only $(sed -n "s/^.*  oci-artifact-$version-\([^/]*\)\/.*/\1/p" action/checksums.txt | tr '\n' ' ' | sed 's/ $//'):\
 build one there with cargo, and set OCI_ARTIFACT_BIN to it"

from_cache() { # PROGRAM: hands it on, if it is the one
  [ -f "$1" ] && [ -x "$1" ] || return 0
  found=$(sha256 "$1")
  [ "$found" != "$program_sum" ] || hand_on "$1"
  annotation warning "$1 is not the program that was released as $version (sha256 $found instead of $program_sum):\
 it is installed anew"
}

# Whole or not at all: another job on this runner may look at the same moment.
into_cache() { # PROGRAM TARGET
  mkdir -p "${2%/*}" && new=$(mktemp "${2%/*}/.new.XXXXXX") || return
  if cp "$1" "$new" && chmod 755 "$new" && mv -f "$new" "$2"; then return; fi
  rm -f "$new"
  return 1
}

# Where the program may be. A job may lack the right to write to the tool cache, as one in a container under another
# user.
temp=${RUNNER_TEMP:-${TMPDIR:-/tmp}}
path=oci-artifact/$version/${platform#*-}/oci-artifact
set -- "$temp/$path"
[ -z "${RUNNER_TOOL_CACHE:-}" ] || set -- "$RUNNER_TOOL_CACHE/$path" "$@"
for program in "$@"; do from_cache "$program"; done

# What is unfinished lies where the runner cleans up: a job that is cancelled doesn't.
work=$(mktemp -d "$temp/oci-artifact.XXXXXX") || fail "the folder for temporary files, $temp, can't be written to: set\
 RUNNER_TEMP to one that can, $instead"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

command -v tar >/dev/null || fail "no tar here to unpack $archive with: install tar and gzip, $instead"
. ./action/download.sh
download "$archive" "$work/archive"

found=$(sha256 "$work/archive")
[ "$found" = "$archive_sum" ] || fail "$archive from $(shown "$url") is not what was released: its sha256 is $found\
 instead of $archive_sum. It was not unpacked. If a proxy or a mirror changed it, mend that; else tell the maintainers"
tar -xzf "$work/archive" -C "$work" oci-artifact ||
  fail "$archive could not be unpacked: install tar and gzip, $instead"
found=$(sha256 "$work/oci-artifact")
[ "$found" = "$program_sum" ] || fail "the program in $archive has the sha256 $found instead of $program_sum:\
 action/checksums.txt of this action is at odds with itself; tell the maintainers"

for program in "$@"; do
  into_cache "$work/oci-artifact" "$program" 2>"$work/log" || continue
  printf 'oci-artifact %s for %s, from %s\n' "$version" "$platform" "$(shown "$url")"
  hand_on "$program"
done
fail "the program could not be stored: $(cat "$work/log"). Give the job's user a folder to write to, $instead"
