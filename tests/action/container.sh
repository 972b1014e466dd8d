# A suite of scripts/test-action: a job in a container whose image has no bash, no curl and no git: busybox alone.
# shellcheck shell=bash disable=SC2034,SC2154
if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
  skipped="skipped: a docker daemon needs root, or a sudo that asks for no password"
  return
fi
. scripts/lib/docker.sh
scripts/install-system busybox
start_docker

image_root=$scratch/image
mkdir -p "$image_root"/{bin,etc,tmp,root}
cp /bin/busybox "$image_root/bin"
"$image_root/bin/busybox" --list | while read -r name; do
  [ "$name" = busybox ] || ln -s busybox "$image_root/bin/$name"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$image_root/etc/passwd"
tar -c -C "$image_root" . | "${docker[@]}" import - busybox-alone:test >/dev/null
[ ! -e "$image_root/bin/bash" ] || fail "the image has a bash"

start_registry container olareg
forget_requests
run_act tests/action/container.yml --local-repository "octo-org/oci-artifact@v1=$action" --pull=false \
  --container-daemon-socket - --env OCI_ARTIFACT_MIRROR="$mirror" --var REGISTRY="$registry"
log_has 'no bash here' 'pulled what was pushed'
same "requests" "GET /octo-org/oci-artifact/releases/download/v$version/oci-artifact-$version-linux-x64.tar.gz 200" \
  "$(cut -d' ' -f1-3 "$releases/log")"
oras resolve --plain-http "$registry/samples/container:one" >/dev/null
