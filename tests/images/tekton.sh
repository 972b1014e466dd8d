# Sourced by scripts/test-images, after scratch.sh: steps of Tekton, as the pods of a restricted cluster run them.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016 # set by scripts/test-images; the script is the container's

tekton=$scratch/tekton
mkdir -p "$tekton/results" "$tekton/home"
chmod 777 "$tekton/results" "$tekton/home"
restricted=(
  --read-only --user 65532:65532 --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp
  --volume "$tekton:/tekton" --env HOME=/tekton/home
)

# Our Task: its step with its variables, which hold its parameters; those that a run leaves out are empty.
declare -A params=([reference]=$plain/tekton/task:v1 [files]=$'hello.txt\nfolder' [tags]=latest)
options=("${restricted[@]}" --env OCI_ARTIFACT_TEKTON_RESULTS=/tekton/results --entrypoint /oci-artifact)
while read -r name value; do
  param=${value#\$(params.}
  options+=(--env "$name=${params[${param%)}]-}")
done < <(awk '/variables:begin/ {on = 1} /variables:end/ {on = 0} on && $2 == "name:" {name = $3}
  on && $1 == "value:" {print name, $2}' ci/tekton/oci-artifact.yaml)
[ "${#options[@]}" -gt 80 ] || fail "no variables were found in ci/tekton/oci-artifact.yaml"
grep -q '^      command: \[/oci-artifact\]$' ci/tekton/oci-artifact.yaml || fail "the Task has another command"
run "$scratch_image" push
digest=$(resolved --plain-http "$plain/tekton/task:latest")
same "digest of Tekton's task" "$(resolved --plain-http "$plain/app:v1")" "$digest"
same "result digest" "$digest" "$(cat "$tekton/results/digest")"
same "result reference" "$plain/tekton/task@$digest" "$(cat "$tekton/results/reference")"
size=$(cat "$tekton/results"/* | wc -c)
[ "$size" -le 4096 ] || fail "the results have $size bytes, more than a pod may say"
passed "scratch: our Task of Tekton, with its results"

# Anyone's step with a `script`, which Tekton puts into a file and mounts.
cat >"$tekton/script" <<'SCRIPT'
#!/bin/sh
set -eu
oci-artifact push "$REFERENCE" hello.txt folder
SCRIPT
chmod 755 "$tekton/script"
options=("${restricted[@]}" --env "REFERENCE=$plain/tekton/script:v1" --entrypoint /tekton/script)
run "$shell_image"
same "digest of Tekton's script" "$digest" "$(resolved --plain-http "$plain/tekton/script:v1")"
passed "shell: a script of Tekton"
