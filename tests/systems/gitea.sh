# Sourced by scripts/test-systems: examples/ci/gitea.yml in act, of which the runners of Gitea and Forgejo are forks
# (gitea.com/gitea/runner, code.forgejo.org/forgejo/runner), each with the variable that it announces itself by. A name
# with a host in front is theirs alone, so here it goes.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $scratch, $registry: scripts/lib/registry.sh

start_registry gitea distribution octo "$PASSWORD"
mkdir -p "$scratch/gitea-action" "$scratch/gitea"
cp -r action.yml action "$scratch/gitea-action"
tree=$scratch/gitea/tree
mkdir "$tree"
sed "s,https://github.com/OWNER/oci-artifact@,owner/oci-artifact@,; s/gitea\.example\.com/$registry/" \
  examples/ci/gitea.yml >"$tree/gitea.yml"
git -C "$tree" init -q
git -C "$tree" remote add origin https://github.com/octo/hello.git
git -C "$tree" add -A
git -C "$tree" commit -qm test

for announced in GITEA_ACTIONS FORGEJO_ACTIONS; do
  log=$scratch/$announced.log
  (
    cd "$tree"
    export PACKAGES_TOKEN=$PASSWORD XDG_CACHE_HOME=$scratch/gitea XDG_CONFIG_HOME=$scratch/gitea
    act push --workflows gitea.yml --platform ubuntu-latest=-self-hosted --no-cache-server --actor octo \
      --local-repository "owner/oci-artifact@v1=$scratch/gitea-action" --secret PACKAGES_TOKEN \
      --env "$announced=true" --env OCI_ARTIFACT_BIN="$scratch/bin/oci-artifact" >"$log" 2>&1 </dev/null
  ) || {
    cat "$log" >&2
    fail "examples/ci/gitea.yml failed with $announced"
  }
  ! grep -qF "$PASSWORD" "$log" || fail "the token is in the log"
  digest=$(oras resolve --plain-http -u octo --password-stdin \
    "$registry/octo/hello/app:$(git -C "$tree" rev-parse HEAD)" <<<"$PASSWORD")
  shows "$log" "\[.*test.*\].*app@$digest" "the second job did not pull what the first one pushed"
done
