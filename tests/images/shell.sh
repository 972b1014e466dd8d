# Sourced by scripts/test-images, after scratch.sh: the image with a shell, where a system starts one in it.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016,SC2034 # set and read by scripts/test-images; the scripts are the containers'

# GitLab's docker executor finds a shell in the image and pipes the job to it (`shells/bash.go` of GitLab Runner).
detect='if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash
elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash
elif [ -x /bin/bash ]; then exec /bin/bash
elif [ -x /usr/local/bin/sh ]; then exec /usr/local/bin/sh
elif [ -x /usr/bin/sh ]; then exec /usr/bin/sh
elif [ -x /bin/sh ]; then exec /bin/sh
elif [ -x /busybox/sh ]; then exec /busybox/sh
else echo shell not found; exit 1; fi'
"${docker[@]}" run --rm --interactive --network host --volume "$work:/builds/octo/hello" \
  --env GITLAB_CI=true --env CI=true --env CI_PROJECT_DIR=/builds/octo/hello --env CI_PROJECT_PATH=octo/hello \
  --env CI_COMMIT_SHA=0123456789abcdef0123456789abcdef01234567 --env "REFERENCE=$plain/gitlab/app:v1" \
  "$shell_image" sh -c "$detect" >"$scratch/run.log" 2>&1 <<'SCRIPT' || fail "GitLab's script: $(cat "$scratch/run.log")"
set -eo pipefail
set +o noclobber
: | eval $'cd "/builds/octo/hello"\noci-artifact push "$REFERENCE" hello.txt folder\nls /usr/bin/oci-artifact | grep -q oci\n'
exit 0
SCRIPT
same "digest of GitLab's job" "$(resolved --plain-http "$plain/app:v1")" "$(resolved --plain-http "$plain/gitlab/app:v1")"
grep -qx "ARTIFACT_DIGEST=$(resolved --plain-http "$plain/gitlab/app:v1")" "$work/oci-artifact.env" ||
  fail "the dotenv report lacks the digest: $(cat "$work/oci-artifact.env")"
passed "shell: a GitLab job, with its dotenv report"

# CircleCI: a step is a script that bash or sh runs with -e; each sources $BASH_ENV, which steps share.
options=(
  --env CI=true --env CIRCLECI=true --env BASH_ENV=/w/bash-env --env CIRCLE_SHA1=0123456789abcdef0123456789abcdef01234567
  --env "REFERENCE=$plain/circleci/app:v1" --tmpfs /tmp
)
run "$shell_image" /bin/sh -eo pipefail -c 'oci-artifact push "$REFERENCE" hello.txt'
same "digest in the next step of CircleCI" "$(resolved --plain-http "$plain/circleci/app:v1")" \
  "$(run "$shell_image" /bin/sh -eo pipefail -c '. "$BASH_ENV"; echo "$ARTIFACT_DIGEST"' && cat "$scratch/run.out")"
passed "shell: two CircleCI steps"

# The authorities are where TLS of all programs looks for them.
options=()
run "$shell_image" sh -c 'grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; id -un; stat -c %a /tmp; wget --help 2>&1 | head -1'
{ read -r authorities; read -r user; read -r mode; } <"$scratch/run.out"
[ "$authorities" -gt 100 ] || fail "$authorities authorities are in the image"
same "user and mode of /tmp" "root 1777" "$user $mode"
