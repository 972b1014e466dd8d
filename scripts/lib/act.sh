# Sourced by scripts/test-action, after lib/registry.sh: workflows run in act, on this machine, without containers.
#
#   make_tree                          $tree: a repository with this checkout's files, as a user's job has it
#   make_release                       $released: a repository at a release of $OCI_ARTIFACT_BIN, whose files are served
#                                      at $mirror; $action: what of it the action needs
#   run_act WORKFLOW [OPTION...]       runs a file of the tree; its log is $act_log
#   workflow_fails WORKFLOW [OPTION...]  the same, and it has to fail
#   result NAME                        what a workflow wrote to the folder vars.RESULTS
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # read by who sources this; $scratch is lib/registry.sh's
. scripts/lib/release.sh

commit_all() { # DIRECTORY
  git -C "$1" add -A
  git -C "$1" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -qm test
}

copy_checkout() { # DIRECTORY
  mkdir "$1"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --null --files-from - -cf - | tar -xf - -C "$1"
  git -C "$1" init -q -b main
}

# act wants a repository with a commit; the name has capitals, as many owners' names do.
make_tree() {
  tree=$scratch/tree
  copy_checkout "$tree"
  rm -rf "$tree/.github/workflows"
  git -C "$tree" remote add origin https://github.com/Octo-Org/Hello-World.git
  commit_all "$tree"
  results=$scratch/results
  mkdir "$results"
}

make_release() {
  local platform binary
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
  releases=$scratch/releases
  mkdir -p "$releases/files"
  for platform in $(platforms); do
    binary=$OCI_ARTIFACT_BIN
    if [ "$platform" != linux-x64 ]; then
      binary=$scratch/program-$platform
      # Not built here: what stands for it asks this machine's for the pages in the archive.
      printf '#!/bin/sh\n# not for %s\nexec %s "$@"\n' "$platform" "$OCI_ARTIFACT_BIN" >"$binary"
      chmod +x "$binary"
    fi
    scripts/package-release "$binary" "${platform%-*}" "${platform#*-}" "$releases/files" >/dev/null
  done
  released=$scratch/released
  copy_checkout "$released"
  # As on main before the first release.
  rm -f "$released/action/version" "$released/action/checksums.txt"
  commit_all "$released"
  GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost \
    "$released/scripts/release-commit" "$version" "$releases/files" >/dev/null
  "$released/scripts/check-release-commit" HEAD "$releases/files"
  # Nothing else of the repository may be needed, and act copies all of it for each step.
  action=$scratch/action
  mkdir "$action"
  git -C "$released" archive HEAD action.yml action | tar -xf - -C "$action"
  tests/action/release-server "$releases" &
  scratch_pids+=($!)
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    [ ! -e "$releases/port" ] || break
    sleep 0.05
  done
  release_server=http://127.0.0.1:$(cat "$releases/port")
  mirror=$release_server/octo-org/oci-artifact/releases/download
}

requests() { [ ! -e "$releases/log" ] || wc -l <"$releases/log" | tr -d ' '; }
forget_requests() { : >"$releases/log"; }

# Variables reach the workflow as `vars`, the password as a secret that act reads from its environment. The settings and
# caches of whoever runs this stay out. act wants its own files in a home that exists.
act_in_tree() { # WORKFLOW [OPTION...]
  local workflow=$1
  shift
  act_log=$scratch/$(basename "$workflow" .yml).log
  mkdir -p "$scratch/act"
  (
    cd "$tree" || exit
    # Jobs see act's own environment.
    unset OCI_ARTIFACT_BIN OCI_ARTIFACT_MIRROR
    XDG_CACHE_HOME=$scratch/act XDG_CONFIG_HOME=$scratch/act act "${act_event:-push}" --workflows "$workflow" \
      --platform ubuntu-latest=-self-hosted --no-cache-server --secret PASSWORD --var RESULTS="$results" "$@" \
      >"$act_log" 2>&1 </dev/null
  )
}

run_act() { # WORKFLOW [OPTION...]
  local seconds=$SECONDS
  if ! act_in_tree "$@"; then
    cat "$act_log" >&2
    fail "the workflow $1 failed"
  fi
  no_password
  printf 'test-action: %s: the workflow passed (%s s)\n' "$1" $((SECONDS - seconds))
}

workflow_fails() { # WORKFLOW [OPTION...]
  local seconds=$SECONDS
  if act_in_tree "$@"; then
    cat "$act_log" >&2
    fail "the workflow $1 passed, and should not"
  fi
  no_password
  printf 'test-action: %s: the workflow failed, as it should (%s s)\n' "$1" $((SECONDS - seconds))
}

no_password() {
  ! grep -qF "$PASSWORD" "$act_log" || fail "the password is in $act_log"
}

# TEXT... : what the log of the last workflow has to say.
log_has() {
  local text
  for text in "$@"; do
    grep -q -- "$text" "$act_log" || {
      cat "$act_log" >&2
      fail "the log does not say: $text"
    }
  done
}

result() { cat "$results/$1" 2>/dev/null || fail "the workflow left no $1"; }
