# A suite of scripts/test-action: the action at a release, `uses: octo-org/oci-artifact@v1`, which act takes from a
# folder; the program comes from a release server on loopback. Prints what a first and a later use cost.
# shellcheck shell=bash disable=SC2016,SC2154
released_action=(--local-repository "octo-org/oci-artifact@v1=$action")
from_mirror=("${released_action[@]}" --env OCI_ARTIFACT_MIRROR="$mirror")
archive=oci-artifact-$version-linux-x64.tar.gz
size=$(wc -c <"$releases/files/$archive" | tr -d ' ')
got="GET /octo-org/oci-artifact/releases/download/v$version/$archive"

# Milliseconds that act says of the steps of our action, the two uses one after the other.
milliseconds() { # STEP
  sed -n "s/.*Success - Main exec $1 \[\(.*\)\]$/\1/p" "$act_log" |
    awk '/m?s$/ {printf "%7d", ($0 ~ /ms$/ ? 1 : 1000) * $0}'
}
bytes() { awk '{sum += $NF} END {print sum + 0}' "$releases/log"; }
row() { # WHAT
  printf '%-20s %14s %14s %9s %9s %9s\n' "$1" "$(milliseconds 'sh .*install"')" "$(milliseconds '"$OCI_ARTIFACT_BIN"')" \
    "$job" "$(requests)" "$(bytes)"
}
timed() { # COMMAND...: leaves its milliseconds in $job
  local start=${EPOCHREALTIME/./}
  "$@"
  job=$(((${EPOCHREALTIME/./} - start) / 1000))
}

start_registry released olareg
forget_requests
timed run_act tests/action/released.yml "${from_mirror[@]}" --var REGISTRY="$registry"
same "requests of a first job" "$got 200 $size" "$(cat "$releases/log")"
same "output digest and oras resolve" "$(result released)" "$(oras resolve --plain-http "$registry/samples/released:one")"
same "the second use" "$(result released)" "$(oras resolve --plain-http "$registry/samples/released:two")"
table=$(row 'tool cache empty')
forget_requests
timed run_act tests/action/released.yml "${from_mirror[@]}" --var REGISTRY="$registry"
same "requests of a job with the tool cache" 0 "$(requests)"
table+=$'\n'$(row 'tool cache filled')

# The same in a job that can't get it. What act calls the tool cache goes away with its folder.
rm -rf "$scratch/act"
forget_requests
printf 'x' | dd of="$releases/files/$archive" bs=1 seek=1000 conv=notrunc status=none
workflow_fails tests/action/released.yml "${from_mirror[@]}" --var REGISTRY="$registry"
log_has "::error .*$archive from $mirror/.* is not what was released"
! grep -q 'ended without a result' "$act_log" || fail "a failed installation was told twice"
scripts/package-release "$OCI_ARTIFACT_BIN" linux x64 "$releases/files" >/dev/null
same "the archive made again" "$(grep -F "  $archive" "$released/action/checksums.txt")" \
  "$(cd "$releases/files" && sha256sum "$archive")"

# Without a mirror the runner's server and the action's repository tell where to go; no test may go there.
forget_requests
workflow_fails tests/action/released.yml "${released_action[@]}" --var REGISTRY="$registry" \
  --env https_proxy="$release_server" --env no_proxy=127.0.0.1
log_has "::error .*https://github.com/octo-org/oci-artifact/releases/download/v$version/$archive: "
same "where it went" "CONNECT github.com:443 403 0" "$(sort -u "$releases/log")"

printf '\n%-20s %14s %14s %9s %9s %9s\n%s\n\n' "uses: of a release" "install, ms" "push, tag, ms" "job, ms" requests \
  bytes "$table"
