# Sourced by scripts/test-images: the image from scratch, by docker run.
# shellcheck shell=bash
# shellcheck disable=SC2154 # set by scripts/test-images

work=$scratch/work
mkdir "$work"
chmod 777 "$work"
echo hello >"$work/hello.txt"
mkdir "$work/folder"
head -c 3000000 /dev/urandom >"$work/folder/large.bin"
resolved() { oras resolve "$@"; }

# Nothing in it but the program and a place for temporary files; docker adds its own.
container=$("${docker[@]}" create --network host "$scratch_image" --version)
"${docker[@]}" export "$container" | tar -t | sort >"$scratch/files"
"${docker[@]}" rm "$container" >/dev/null
docker_own='^(\.dockerenv|dev/.*|etc/|etc/(hostname|hosts|mtab|resolv\.conf)|proc/|sys/)$'
same "files of the image" "oci-artifact tmp/" "$(grep -vE "$docker_own" "$scratch/files" | tr '\n' ' ' | sed 's/ $//')"
! grep -E '(^|/)(a|ba|da)?sh$|busybox|certs|\.(pem|crt)$|ssl' "$scratch/files" || fail "a shell or authorities are in it"

options=()
run "$scratch_image" push "$plain/app:v1" hello.txt folder
oras pull --plain-http --output "$scratch/pulled" "$plain/app:v1" >/dev/null
cmp "$work/hello.txt" "$scratch/pulled/hello.txt"
diff -r "$work/folder" "$scratch/pulled/folder"
passed "scratch: pushes a file and a directory, which oras reads"

# What careful clusters do: no root, no capability, nothing to write but the work.
# Our own user where that isn't root, so that we may remove what was written.
user=$(id -u)
[ "$user" != 0 ] || user=1000
options=(--read-only --user "$user:$user" --cap-drop ALL --security-opt no-new-privileges)
run "$scratch_image" push "$olareg/app:v1" hello.txt folder
same "digest as another user" "$(resolved --plain-http "$plain/app:v1")" "$(resolved --plain-http "$olareg/app:v1")"
run "$scratch_image" pull "$olareg/app:v1" --output back
diff -r "$work/folder" "$work/back/folder"
same "owner of what was pulled" "$user" "$(stat -c %u "$work/back/hello.txt")"
passed "scratch: pushes and pulls as uid $user, with a read-only root and no capability"

# What doesn't fit into memory needs a folder to wait in.
mkdir -p "$work/big"
for number in 1 2 3 4; do head -c 30000000 /dev/urandom >"$work/big/$number"; done
options=(--read-only --user "$user:$user" --tmpfs /scratch --env TMPDIR=/scratch)
run "$scratch_image" push "$plain/big:v1" big
status=0
"${docker[@]}" run --rm --network host --read-only --volume "$work:/w" --workdir /w "$scratch_image" \
  push "$plain/big:v2" big >"$scratch/run.log" 2>&1 || status=$?
same "exit code without such a folder" 8 "$status"
grep -q TMPDIR "$scratch/run.log" || fail "TMPDIR isn't named: $(cat "$scratch/run.log")"
rm -r "$work/big"
passed "scratch: packs a large directory by way of TMPDIR"

# TLS, with a password: by a given authority; and refused without, as the built-in ones don't know this server.
password=$(head -c 24 /dev/urandom | base64)
start_registry locked distribution-tls robot "$password"
locked=$registry
cp "$registry_ca" "$work/ca.pem"
export OCI_ARTIFACT_PASSWORD=$password
options=(--env OCI_ARTIFACT_USERNAME=robot --env OCI_ARTIFACT_PASSWORD)
run "$scratch_image" push --ca-file ca.pem "$locked/app:v1" hello.txt
oras resolve --ca-file "$work/ca.pem" -u robot --password-stdin "$locked/app:v1" <<<"$password" >/dev/null
status=0
"${docker[@]}" run --rm --network host --add-host locked.test:127.0.0.1 "${options[@]}" "$scratch_image" \
  inspect --log-level debug --retries 0 "locked.test:${locked##*:}/app:v1" >"$scratch/run.log" 2>&1 || status=$?
same "exit code for an unknown authority" 6 "$status"
grep -q "Mozilla's are used, as built in" "$scratch/run.log" || fail "no built-in authorities: $(cat "$scratch/run.log")"
grep -qi certificate "$scratch/run.log" || fail "the certificate isn't named: $(cat "$scratch/run.log")"
unset OCI_ARTIFACT_PASSWORD
passed "scratch: TLS by ca-file; without, Mozilla's built-in authorities, which refuse an unknown one"

# Names: a static program of glibc looks them up itself.
port=${plain##*:}
options=(--add-host registry.test:127.0.0.1 --env "OCI_ARTIFACT_PLAIN_HTTP=registry.test:$port")
run "$scratch_image" push "registry.test:$port/by-hosts:v1" hello.txt
resolved --plain-http "$plain/by-hosts:v1" >/dev/null
dns=127.$((RANDOM % 200 + 10)).$((RANDOM % 200 + 10)).53
"${docker_root[@]}" python3 scripts/lib/dns-server "$dns" 2>"$scratch/dns.log" &
dns_pid=$!
stop_dns() { "${docker_root[@]}" kill "$dns_pid"; }
scratch_ends+=(stop_dns)
printf 'nameserver %s\n' "$dns" >"$scratch/resolv.conf"
options=(--volume "$scratch/resolv.conf:/etc/resolv.conf:ro" --env "OCI_ARTIFACT_PLAIN_HTTP=by-dns.test:$port")
run "$scratch_image" push "by-dns.test:$port/by-dns:v1" hello.txt
resolved --plain-http "$plain/by-dns:v1" >/dev/null
passed "scratch: names from /etc/hosts and from DNS"
