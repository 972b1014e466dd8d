# A suite of scripts/test-action: the workflows of examples/workflows as they stand there, but for the registry's host.
# shellcheck shell=bash disable=SC2154
start_registry examples olareg
mkdir "$tree/examples/here"
for example in publish release matrix; do
  sed "s,ghcr\.io,$registry,g" examples/workflows/$example.yml >"$tree/examples/here/$example.yml"
done
as_users=(--local-repository "OWNER/oci-artifact@v1=$action" --env OCI_ARTIFACT_MIRROR="$mirror")
repository=$registry/octo-org/hello-world
tags() { oras repo tags --plain-http "$repository/$1" | sort | xargs; }
digest_of() { oras resolve --plain-http "$repository/$1"; }
sha=$(git -C "$tree" rev-parse HEAD)

run_act examples/here/publish.yml "${as_users[@]}"
same "tags that publish.yml left" "$(printf '%s\n' main "$sha" | sort | xargs)" "$(tags build)"
log_has 'Test what was published.*Success - Main Test what was published\|Test what was published.*Job succeeded'

# A tag's push.
ssh-keygen -q -t ed25519 -N '' -C '' -f "$scratch/signing"
printf '{"ref": "refs/tags/v1.2.3"}' >"$scratch/tag.json"
SIGNING_KEY=$(cat "$scratch/signing") run_act examples/here/release.yml "${as_users[@]}" -e "$scratch/tag.json" \
  --secret SIGNING_KEY --var SIGNING_PUBLIC_KEY="$(cut -d' ' -f1,2 "$scratch/signing.pub")"
same "tags that release.yml left" "latest v1.2.3" "$(tags app)"
same "latest" "$(digest_of app:v1.2.3)" "$(digest_of app:latest)"
same "what is attached" "application/spdx+json application/vnd.example.signature application/vnd.in-toto+json" \
  "$(oras discover --plain-http --format json "$repository/app:v1.2.3" |
    python3 -c 'import json, sys
print(*sorted(entry["artifactType"] for entry in json.load(sys.stdin)["referrers"]))')"

run_act examples/here/matrix.yml "${as_users[@]}"
same "edge" "$(digest_of "app:$sha")" "$(digest_of app:edge)"
same "what the index lists" "$(digest_of "app:$sha-amd64") linux/amd64
$(digest_of "app:$sha-arm64") linux/arm64" \
  "$(oras manifest fetch --plain-http "$repository/app:edge" | python3 -c 'import json, sys
for entry in json.load(sys.stdin)["manifests"]:
    print(entry["digest"], "{os}/{architecture}".format(**entry["platform"]))')"
