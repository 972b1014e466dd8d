# A suite of scripts/test-action: the commit that a release's tag names, and what is no such commit.
# shellcheck shell=bash disable=SC2154
clone=$scratch/clone
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost

anew_clone() {
  rm -rf "$clone"
  git clone --quiet "$released" "$clone"
}
no_release() { # PATTERN: HEAD of the clone is none
  ! "$clone/scripts/check-release-commit" HEAD "$releases/files" >/dev/null 2>"$scratch/check.log" ||
    fail "accepted, where was expected: $1"
  grep -q "$1" "$scratch/check.log" || fail "no '$1' in: $(cat "$scratch/check.log")"
}
no_commit() { # PATTERN VERSION DIRECTORY
  local before
  before=$(git -C "$clone" rev-parse HEAD)
  ! "$clone/scripts/release-commit" "$2" "$3" >/dev/null 2>"$scratch/commit.log" || fail "accepted: $1"
  grep -q "$1" "$scratch/commit.log" || fail "no '$1' in: $(cat "$scratch/commit.log")"
  same "HEAD after $1" "$before" "$(git -C "$clone" rev-parse HEAD)"
  same "files after $1" '' "$(git -C "$clone" status --porcelain | grep -v README.md)"
}
amend() { git -C "$clone" add -A && git -C "$clone" commit --quiet --amend --no-edit --no-gpg-sign; }

anew_clone
git -C "$clone" tag "v$version"
"$clone/scripts/check-release-commit" HEAD "$releases/files" >/dev/null
git -C "$clone" tag v9.9.9
no_release "the tag v9.9.9"
anew_clone
echo >>"$clone/action.yml"
amend
no_release "changes action.yml action/checksums.txt action/version and not"
anew_clone
sed -i '/windows-arm64/d' "$clone/action/checksums.txt"
amend
no_release "action/checksums.txt lists"
anew_clone
sed -i '1s/^........./aaaaaaaaa/' "$clone/action/checksums.txt"
amend
no_release "at odds with .*linux-x64.tar.gz"
anew_clone
echo 9.9.9 >"$clone/action/version"
amend
no_release "action/version is 9.9.9, but Cargo.toml has $version"
git -C "$clone" commit --quiet --allow-empty --no-gpg-sign -m empty
no_release "changes  and not"

anew_clone
git -C "$clone" reset --quiet --hard HEAD^
no_commit "Cargo.toml has version $version, not 9.9.9" 9.9.9 "$releases/files"
mkdir "$scratch/few"
cp "$releases/files"/*linux* "$scratch/few"
no_commit "has no oci-artifact-$version-macos-x64.tar.gz" "$version" "$scratch/few"
echo >>"$clone/README.md"
no_commit "the working tree has changes" "$version" "$releases/files"
