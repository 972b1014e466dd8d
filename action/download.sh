# Sourced by action/release.sh: `download FILE TARGET` fetches a file of the release $version, and leaves in $url where
# it came from. What comes is not trusted: a sha256 decides.
# shellcheck shell=sh
# shellcheck disable=SC2154 # $version, $work and $instead are release.sh's

# The last try has no pause behind it.
pauses='1 2 4 8 -'

# One try. Leaves the HTTP status, where there was one, in $status, and what was said in $reason.
try_curl() { # URL TARGET
  case $1 in https:*) protocols='=https' ;; *) protocols='=http,https' ;; esac
  # The URL goes by stdin: a mirror's may hold a password, and arguments are for all to see.
  if status=$(
    printf 'url = "%s"\n' "$1" |
      curl --proto "$protocols" --tlsv1.2 -fsSL --connect-timeout 20 --speed-limit 1024 --speed-time 30 \
        --write-out '%{http_code} %{http_connect}' --output "$2" --config - 2>"$work/log"
  ); then
    return 0
  fi
  # Without an answer of the server's, that of the proxy on the way to it.
  case $status in
    '000 000') status= ;;
    '000 '*) status=${status#* } ;;
    *) status=${status% *} ;;
  esac
  return 1
}

# Options that busybox's wget knows too; some builds of it crash at a time limit. The status is in the errors alone.
try_wget() { # URL TARGET
  help=$(wget --help 2>&1)
  case $help in *-T*) limit='-T 30' ;; *) limit= ;; esac
  case $help in
    *--input-file*)
      # shellcheck disable=SC2086 # none, or two words
      ! printf '%s\n' "$1" | wget -nv -t 1 $limit -O "$2" -i - 2>"$work/log" || return 0
      ;;
    *)
      # shellcheck disable=SC2086 # none, or two words
      ! wget -nv -t 1 $limit -O "$2" "$1" 2>"$work/log" || return 0
      ;;
  esac
  status=$(sed -n 's/.*ERROR \([0-9]\{3\}\).*/\1/p; s/.*HTTP\/[0-9.]* \([0-9]\{3\}\).*/\1/p' "$work/log" | tail -n 1)
  return 1
}

# A mirror's URL may hold a password.
shown() { # URL
  printf '%s\n' "$1" | sed 's,//[^/@]*@,//***@,'
}

# A server that is busy is asked again; one that says no is not.
fetch() { # URL TARGET
  tries=0
  for pause in $pauses; do
    tries=$((tries + 1))
    "try_$downloader" "$1" "$2" && return 0
    reason=$(tr -s '\r\n' '  ' <"$work/log")
    case $status in 408 | 429) ;; 4*) return 1 ;; esac
    [ "$pause" = - ] || sleep "$pause"
  done
  return 1
}

# The repository of the action, OWNER/NAME: from the runner's context, else from where the runner put the action.
repository() {
  if [ -n "${ACTION_REPOSITORY:-}" ]; then
    printf '%s\n' "$ACTION_REPOSITORY"
    return
  fi
  case $GITHUB_ACTION_PATH in
    */_actions/*/*/*) printf '%s\n' "${GITHUB_ACTION_PATH##*/_actions/}" | cut -d/ -f1,2 ;;
    *) fail "the runner does not tell of which repository this action is: set OCI_ARTIFACT_MIRROR to the URL below\
 which its releases are, https://HOST/OWNER/oci-artifact/releases/download, $instead" >&2 ;;
  esac
}

# Where files of releases are, one a line, in the order in which they are asked.
places() {
  if [ -n "${OCI_ARTIFACT_MIRROR:-}" ]; then
    printf '%s\n' "${OCI_ARTIFACT_MIRROR%/}"
    return
  fi
  repository=$(repository)
  server=${GITHUB_SERVER_URL:-https://github.com}
  for server in "${server%/}" https://github.com; do
    printf '%s/%s/releases/download\n' "$server" "$repository"
  done | uniq
}

download() { # FILE TARGET
  downloader=$(first_of curl wget)
  case $downloader:${OCI_ARTIFACT_MIRROR:-} in
    wget:*//*@*) case $(wget --help 2>&1) in *--input-file*) ;; *) fail "this wget would show the password of\
 OCI_ARTIFACT_MIRROR to all processes: install curl or GNU wget, $instead" ;; esac ;;
  esac
  [ -n "$downloader" ] || fail "neither curl nor wget is here to download $1 with: install one of them, $instead"
  places=$(places)
  failures=
  for place in $places; do
    url=$place/v$version/$1
    fetch "$url" "$2" && return
    rm -f "$2"
    failures="$failures$(shown "$url"): ${status:+HTTP status $status, }tries: $tries, $reason; "
  done
  fail "the release could not be downloaded. ${failures}see whether the runner reaches that address (https_proxy), set\
 OCI_ARTIFACT_MIRROR to a mirror of .../releases/download, $instead"
}
