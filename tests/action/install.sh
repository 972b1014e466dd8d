# A suite of scripts/test-action: action/install by itself, with each shell and downloader that is here, against a
# release server on loopback.
# shellcheck shell=bash disable=SC2154

tools=$scratch/programs
needed='cat chmod cp cut gzip head mkdir mktemp mv rm sed sha256sum sleep tail tar tr uname uniq'

programs() { # NAME PROGRAM...: a folder for PATH with these programs and what the script always needs
  local directory=$tools/$1 program
  shift
  mkdir -p "$directory"
  # shellcheck disable=SC2086 # a word a program
  for program in $needed "$@"; do ln -sf "$(type -P "$program")" "$directory"; done
  printf '%s\n' "$directory"
}

output=$scratch/output
log=$scratch/install.log

# Runs action/install of $released in an environment of its own; its words go to $log, the path that it hands on to
# stdout. Options are NAME=VALUE, and overrule.
install_step() {
  : >"$output"
  env -i PATH=/usr/bin:/bin HOME="$scratch" GITHUB_ACTION_PATH="$released" GITHUB_WORKSPACE="$tree" \
    GITHUB_OUTPUT="$output" GITHUB_SERVER_URL=https://github.com RUNNER_OS=Linux RUNNER_ARCH=X64 \
    RUNNER_TEMP="$scratch/temp" RUNNER_TOOL_CACHE="$scratch/cache" OCI_ARTIFACT_MIRROR="$mirror" "$@" \
    "${shell[@]}" "$released/action/install" >"$log" 2>&1 || return
  sed -n 's/^binary=//p' "$output"
}
anew() {
  rm -rf "$scratch/cache" "$scratch/temp" "$releases/faults"
  mkdir "$scratch/cache" "$scratch/temp"
  forget_requests
}
refused() { # WHAT PATTERN... -- OPTION...: fails with one annotation that says this, and leaves nothing
  local what=$1 patterns=() pattern
  shift
  while [ "$1" != -- ]; do patterns+=("$1") && shift; done
  shift
  ! install_step "$@" >/dev/null || fail "$what: accepted"
  same "$what: annotations" 1 "$(grep -c '^::error title=oci-artifact::' "$log")"
  for pattern in "${patterns[@]}"; do
    grep -q "^::error .*$pattern" "$log" || fail "$what: no '$pattern' in $(cat "$log")"
  done
  same "$what: what is left" '' "$(find "$scratch/cache" "$scratch/temp" -type f)$(cat "$output")"
  same "$what: unfinished folders" '' "$(find "$scratch/temp" -mindepth 1 -maxdepth 1 -name 'oci-artifact.*')"
}
installed() { # WHAT OPTION...: succeeds, with the program that was released
  local what=$1 found
  shift
  found=$(install_step "$@") || fail "$what: $(cat "$log")"
  cmp "$found" "$OCI_ARTIFACT_BIN" || fail "$what: $found is another program"
  [ -x "$found" ] || fail "$what: $found can't be run"
}

archive=oci-artifact-$version-linux-x64.tar.gz
size=$(wc -c <"$releases/files/$archive" | tr -d ' ')
got="GET /octo-org/oci-artifact/releases/download/v$version/$archive"
program=$scratch/cache/oci-artifact/$version/x64/oci-artifact
scripts/install-system busybox
curl_only=$(programs curl curl)
wget_only=$(programs wget wget)
nothing=$(programs nothing)
busybox_only=$tools/busybox
mkdir -p "$busybox_only"
/bin/busybox --install -s "$busybox_only"

for name in dash bash 'bash --posix' '/bin/busybox sh'; do
  read -ra shell <<<"$name"
  shell[0]=$(type -P "${shell[0]}") || continue
  for path in "$curl_only" "$wget_only" "$busybox_only"; do
    anew
    installed "${shell[*]} with $path" PATH="$path"
    same "requests" "$got 200 $size" "$(cat "$releases/log")"
    same "path" "$program" "$(sed -n 's/^binary=//p' "$output")"
    forget_requests
    installed "from the tool cache" PATH="$path"
    same "requests" 0 "$(requests)"
    same "what is unfinished" "$program" "$(find "$scratch/cache" "$scratch/temp" ! -type d)"
  done
done
shell=(/bin/sh)

# A mirror's password is in no program's arguments, which are for all to see.
secret_mirror=${mirror/:\/\//://robot:pass-in-url@}
for path in "$curl_only" "$wget_only"; do
  recorder=$path-recorded
  mkdir -p "$recorder"
  cp -P "$path"/* "$recorder"
  for client in curl wget; do
    [ -e "$path/$client" ] || continue
    real=$(realpath "$path/$client")
    rm "$recorder/$client"
    printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s\nexec %s "$@"\n' "$recorder/calls" "$real" >"$recorder/$client"
    chmod +x "$recorder/$client"
  done
  anew
  installed "with a password in the mirror, $recorder" PATH="$recorder" OCI_ARTIFACT_MIRROR="$secret_mirror"
  [ -s "$recorder/calls" ] || fail "no call was recorded"
  ! grep -q pass-in-url "$recorder/calls" "$log" || fail "the password was shown: $(cat "$recorder/calls" "$log")"
done
anew
refused "busybox's wget and a password" "install curl or GNU wget" -- PATH="$busybox_only" \
  OCI_ARTIFACT_MIRROR="$secret_mirror"

# A server that hiccups, and a download that ends too early.
for path in "$curl_only" "$wget_only" "$busybox_only"; do
  anew
  printf '503 cut' >"$releases/faults"
  installed "after two failures" PATH="$path"
  same "requests" "$got 503 0
$got 200 $((size / 2))
$got 200 $size" "$(cat "$releases/log")"
  anew
  refused "no such file" "$mirror/none/v$version/$archive: HTTP status 404, tries: 1" OCI_ARTIFACT_MIRROR \
    OCI_ARTIFACT_BIN -- PATH="$path" OCI_ARTIFACT_MIRROR="$mirror/none"
done
anew
printf '503 503 503 503 503' >"$releases/faults"
refused "a server that is down" "HTTP status 503, tries: 5" -- PATH="$curl_only"
anew
refused "no server" "127.0.0.1:1/v$version/$archive: tries: 5, .*onnect" -- OCI_ARTIFACT_MIRROR=http://127.0.0.1:1

# Where the file is: the server of the runner, then github.com, to which no test may go: the proxy says no.
anew
installed "mirror by GITHUB_SERVER_URL" OCI_ARTIFACT_MIRROR= GITHUB_SERVER_URL="$release_server" \
  ACTION_REPOSITORY=octo-org/oci-artifact
same "requests" "$got 200 $size" "$(cat "$releases/log")"
anew
mkdir -p "$scratch/_actions/octo-org/oci-artifact"
cp -R "$released" "$scratch/_actions/octo-org/oci-artifact/v1"
installed "repository by the action's path" OCI_ARTIFACT_MIRROR= GITHUB_SERVER_URL="$release_server" \
  GITHUB_ACTION_PATH="$scratch/_actions/octo-org/oci-artifact/v1"
same "requests" "$got 200 $size" "$(cat "$releases/log")"
anew
refused "unknown repository" "OCI_ARTIFACT_MIRROR" -- OCI_ARTIFACT_MIRROR= GITHUB_SERVER_URL="$release_server"
anew
refused "neither here nor there" "$release_server/octo-org/none/.*HTTP status 404.*https://github.com/octo-org/none/" \
  'HTTP status 403, tries: 1' -- OCI_ARTIFACT_MIRROR= GITHUB_SERVER_URL="$release_server" \
  ACTION_REPOSITORY=octo-org/none https_proxy="$release_server" no_proxy=127.0.0.1
same "requests" "CONNECT github.com:443 403 0" "$(sort -u "$releases/log" | grep CONNECT)"
anew
refused "a mirror's password" "//\*\*\*@127.0.0.1:" -- OCI_ARTIFACT_MIRROR="${release_server/\/\////robot:geheim@}"
! grep -q geheim "$log" || fail "a mirror's password is in the log"

# What came is not what was released.
anew
cp "$releases/files/$archive" "$scratch/genuine"
printf 'x' | dd of="$releases/files/$archive" bs=1 seek=1000 conv=notrunc status=none
tampered=$(sha256sum <"$releases/files/$archive" | cut -d' ' -f1)
genuine=$(sha256sum <"$scratch/genuine" | cut -d' ' -f1)
refused "a tampered archive" "$archive .*sha256 is $tampered instead of $genuine.*not unpacked" --
cp "$scratch/genuine" "$releases/files/$archive"

# A tool cache that someone else has written to heals, and says so.
anew
installed "to be changed"
printf 'x' >>"$program"
installed "after a change in the tool cache"
grep -q "^::warning .*$program is not the program" "$log" || fail "no word about the changed program"
same "requests" 2 "$(requests)"

# Without the right to write to the tool cache: the job's own folder.
if [ "$(id -u)" != 0 ]; then
  anew
  chmod a-w "$scratch/cache"
  installed "a tool cache that can't be written to"
  chmod u+w "$scratch/cache"
fi
anew
installed "no tool cache" RUNNER_TOOL_CACHE=
same "path" "$scratch/temp/oci-artifact/$version/x64/oci-artifact" "$(sed -n 's/^binary=//p' "$output")"
anew
installed "a tool cache that can't be" RUNNER_TOOL_CACHE=/proc/oci-artifact
installed "the job's own folder, again" RUNNER_TOOL_CACHE=/proc/oci-artifact
same "requests" 1 "$(requests)"
anew
refused "no folder" "temporary files, /proc/oci-artifact, can't be written to" OCI_ARTIFACT_BIN -- \
  RUNNER_TOOL_CACHE=/proc/oci-artifact RUNNER_TEMP=/proc/oci-artifact
anew
mkdir "$scratch/temp/of a job"
installed "folders with blanks" RUNNER_TOOL_CACHE="$scratch/cache/of a runner" RUNNER_TEMP="$scratch/temp/of a job"
same "path" "$scratch/cache/of a runner/oci-artifact/$version/x64/oci-artifact" "$(sed -n 's/^binary=//p' "$output")"

# Many jobs of one runner at once.
anew
pids=()
for job in 1 2 3 4 5 6; do
  (
    output=$scratch/output.$job log=$scratch/install.log.$job
    installed "job $job"
  ) &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of several jobs at once failed"; done
same "what is unfinished" "$program" "$(find "$scratch/cache" "$scratch/temp" ! -type d)"

# What a machine lacks.
anew
refused "no downloader" "neither curl nor wget" OCI_ARTIFACT_BIN -- PATH="$nothing"
refused "an unknown machine" "no program for linux-S390X, only linux-x64 linux-arm64 macos-x64 macos-arm64 " -- \
  RUNNER_ARCH=S390X
refused "an unknown system" "no program for FreeBSD-x64" -- RUNNER_OS=FreeBSD
installed "RUNNER_OS and RUNNER_ARCH by uname" RUNNER_OS= RUNNER_ARCH=
anew
mv "$tools/nothing/sha256sum" "$scratch"
refused "no sha256" "no sha256sum, shasum or openssl" -- PATH="$nothing"
ln -s "$(type -P openssl)" "$tools/nothing"
ln -s "$(type -P curl)" "$tools/nothing"
installed "sha256 by openssl" PATH="$nothing"
anew
mv "$tools/nothing/tar" "$scratch"
refused "no tar" "no tar here" OCI_ARTIFACT_BIN -- PATH="$nothing"

anew
refused "a binary that is none" "OCI_ARTIFACT_BIN names /nowhere" -- OCI_ARTIFACT_BIN=/nowhere/oci-artifact
same "a binary of the job's" "$OCI_ARTIFACT_BIN" "$(install_step OCI_ARTIFACT_BIN="$OCI_ARTIFACT_BIN")"
mv "$released/action/version" "$scratch/version"
refused "a commit without a release" "this commit of the action has no release.*v1" OCI_ARTIFACT_BIN --
mv "$scratch/version" "$released/action/version"
