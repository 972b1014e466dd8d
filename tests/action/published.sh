# A suite of scripts/test-action: what .github/workflows/published.yml does on GitHub's runners, on this one.
# shellcheck shell=bash disable=SC2154
# act's own checkout, which copies the tree, knows no ref.
grep -v '^ *ref: ' .github/workflows/published.yml >"$tree/tests/action/published.yml"
cp "$action/action/version" "$action/action/checksums.txt" "$tree/action"
forget_requests
run_act tests/action/published.yml --var OCI_ARTIFACT_MIRROR="$mirror" --job use --matrix runner:ubuntu-latest
log_has "from $mirror/v$version/oci-artifact-$version-linux-x64.tar.gz" 'Main cmp README.md'
rm "$tree/action/version" "$tree/action/checksums.txt"
