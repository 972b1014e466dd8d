# Sourced by the scripts, after registry.sh: a docker daemon of our own, in the scratch directory.
#
#   docker_possible  whether a daemon can be started here; says why not
#   start_docker     $docker: its client with the socket, as an array; DOCKER_HOST and DOCKER_CONFIG for other programs
#
# Containers have the host's network (`run --network host`): the daemon touches neither bridges nor the firewall. It
# pulls from registries on 127.0.0.1 over plain HTTP as it is. It goes away at exit, with its containers and mounts.
# Needs root, or a sudo that asks nothing. The machine's own daemon, if it has one, is left alone.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # $docker is read by who sources this; $scratch, $scripts_dir: registry.sh

docker_possible() {
  docker_root=()
  [ "$(id -u)" != 0 ] || return 0
  docker_root=(sudo -n)
  "${docker_root[@]}" true 2>/dev/null || {
    printf '%s: a docker daemon needs root: run this as root, or where sudo asks for no password\n' "${0##*/}" >&2
    return 1
  }
}

start_docker() {
  local tries
  docker_possible || return 1
  "$scripts_dir/install-system" docker
  docker_dir=$scratch/docker
  docker_group=oci-artifact-$$
  mkdir -p "$docker_dir/config"
  export DOCKER_HOST=unix://$docker_dir/sock DOCKER_CONFIG=$docker_dir/config
  # By its path: what else is called docker on this machine may be another program.
  docker=(/usr/bin/docker --host "$DOCKER_HOST")
  # Nor are the machine's settings of daemons ours.
  echo '{}' >"$docker_dir/config.json"
  "${docker_root[@]}" env PATH="$PATH:/usr/sbin:/sbin" dockerd --host "$DOCKER_HOST" --group "$(id -g)" \
    --data-root "$docker_dir/root" --exec-root "$docker_dir/exec" --pidfile "$docker_dir/pid" \
    --config-file "$docker_dir/config.json" --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$docker_group" \
    >"$docker_dir/log" 2>&1 &
  docker_pid=$!
  scratch_ends+=(stop_docker)
  for ((tries = 0; tries < 300; tries++)); do
    ! "${docker[@]}" version >/dev/null 2>&1 || return 0
    kill -0 "$docker_pid" 2>/dev/null || break
    sleep 0.1
  done
  printf 'the docker daemon did not start:\n' >&2
  tail -20 "$docker_dir/log" >&2
  return 1
}

stop_docker() {
  local containers mount pid
  containers=$("${docker[@]}" ps --all --quiet 2>/dev/null) || containers=
  # shellcheck disable=SC2086 # one word a container
  [ -z "$containers" ] || "${docker[@]}" rm --force $containers >/dev/null 2>&1 || true
  # The daemon ends its own children (containerd). Its own id: sudo stands before it where we aren't root.
  pid=$(cat "$docker_dir/pid" 2>/dev/null) || pid=$docker_pid
  "${docker_root[@]}" kill "$pid" 2>/dev/null || true
  wait "$docker_pid" 2>/dev/null || true
  # The last first: a mount may hold another. Nothing of a user's has this path.
  while read -r mount; do
    "${docker_root[@]}" umount "$mount" 2>/dev/null || true
  done < <(awk -v under="$docker_dir/" 'index($5, under) == 1 {print $5}' /proc/self/mountinfo | tac)
  # Control groups: one, or one a controller.
  "${docker_root[@]}" find /sys/fs/cgroup -maxdepth 2 -depth -name "$docker_group" -exec rmdir {} + 2>/dev/null || true
  "${docker_root[@]}" rm -rf "$docker_dir"
}
