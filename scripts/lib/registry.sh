# Sourced by the scripts: a scratch directory, and real registries in it, on loopback and free ports.
#
#   scratch                                    $scratch: a directory that goes away, with all that was started, at exit
#   start_registry NAME KIND [USER PASSWORD]   $registry: its HOST:PORT; KIND is distribution, distribution-tls, olareg
#   make_certificates DIRECTORY                ca.pem, cert.pem, key.pem for 127.0.0.1 and localhost
# shellcheck shell=bash
# shellcheck disable=SC2034 # $registry and $registry_ca are read by who sources this

scratch_pids=()
# Functions to call before anything else goes away.
scratch_ends=()
scripts_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/oci-artifact.XXXXXX")
  trap scratch_end EXIT
  # A signal ends the script by way of the EXIT trap.
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

scratch_end() {
  local pid end
  for end in "${scratch_ends[@]}"; do "$end"; done
  for pid in "${scratch_pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  chmod -R u+rwX "$scratch" 2>/dev/null || true
  rm -rf "$scratch"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_certificates() {
  local dir=$1
  mkdir -p "$dir"
  # A leaf of its own: strict clients refuse a certificate authority as a server's certificate.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test authority" \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=127.0.0.1" \
    -keyout "$dir/key.pem" -out "$dir/cert.csr" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$dir/extensions"
  openssl x509 -req -in "$dir/cert.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
    -extfile "$dir/extensions" -out "$dir/cert.pem" 2>/dev/null
}

distribution_config() { # DIRECTORY PORT TLS?
  cat <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $1/data, maxthreads: 100}, delete: {enabled: true}}
YAML
  [ ! -e "$1/htpasswd" ] || printf 'auth: {htpasswd: {realm: test, path: %s}}\n' "$1/htpasswd"
  if [ -n "$3" ]; then
    printf 'http: {addr: "127.0.0.1:%s", tls: {certificate: %s, key: %s}}\n' "$2" "$1/cert.pem" "$1/key.pem"
  else
    printf 'http: {addr: "127.0.0.1:%s"}\n' "$2"
  fi
}

# Leaves the address in $registry and, with TLS, the authority's certificate in $registry_ca.
# The programs come from scripts/install-peers.
start_registry() {
  local name=$1 kind=$2 user=${3:-} password=${4:-} dir=$scratch/$1 bin port scheme=http
  bin=$("$scripts_dir/install-peers" --print-path)
  registry_ca=
  mkdir -p "$dir/data"
  [ -z "$user" ] || "$bin/htpasswd-line" "$user" <<<"$password" >"$dir/htpasswd"
  if [ "$kind" = distribution-tls ]; then
    make_certificates "$dir"
    registry_ca=$dir/ca.pem
    scheme=https
  fi
  # A port that was free may be taken when the server gets to it.
  for _ in 1 2 3; do
    port=$(free_port)
    case $kind in
      distribution*)
        distribution_config "$dir" "$port" "$registry_ca" >"$dir/config.yml"
        OTEL_TRACES_EXPORTER=none "$bin/registry" serve "$dir/config.yml" >"$dir/log" 2>&1 &
        ;;
      olareg)
        "$bin/olareg" serve --addr 127.0.0.1 --port "$port" --dir "$dir/data" --api-delete --api-blob-delete \
          >"$dir/log" 2>&1 &
        ;;
      *)
        printf 'no such kind of registry: %s\n' "$kind" >&2
        return 1
        ;;
    esac
    scratch_pids+=($!)
    if answers "$!" "$scheme://127.0.0.1:$port/v2/" "$registry_ca"; then
      registry=127.0.0.1:$port
      return 0
    fi
  done
  printf '%s (%s) did not start:\n' "$name" "$kind" >&2
  cat "$dir/log" >&2
  return 1
}

# Any status is an answer (a registry with a password says 401). Stops waiting when the process is gone.
answers() { # PID URL CA
  local pid=$1 url=$2 ca=$3 tries
  for ((tries = 0; tries < 200; tries++)); do
    if curl --silent --noproxy '*' ${ca:+--cacert "$ca"} --output /dev/null "$url"; then
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}
