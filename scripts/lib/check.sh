# Sourced by the scripts: how a check fails.
#
#   fail WORDS...             says so under the script's name, and ends it
#   same WHAT EXPECTED GOT    fails unless both are the same
# shellcheck shell=bash

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

same() {
  [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}
