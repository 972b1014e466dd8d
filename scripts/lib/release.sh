# Sourced by the scripts: what a release consists of.
#
#   platforms                  the OS-ARCH of each archive, one a line
#   archive_of VERSION P       its file name
#   program_of VERSION P       the name of the program's row in action/checksums.txt
#   unpack_program FILE        the program in an archive, to stdout
# shellcheck shell=bash
. scripts/lib/check.sh

platforms() {
  printf '%s\n' {linux,macos,windows}-{x64,arm64}
}

archive_of() {
  case $2 in
    windows-*) printf 'oci-artifact-%s-%s.zip\n' "$1" "$2" ;;
    *) printf 'oci-artifact-%s-%s.tar.gz\n' "$1" "$2" ;;
  esac
}

program_of() {
  case $2 in
    windows-*) printf 'oci-artifact-%s-%s/oci-artifact.exe\n' "$1" "$2" ;;
    *) printf 'oci-artifact-%s-%s/oci-artifact\n' "$1" "$2" ;;
  esac
}

unpack_program() {
  case $1 in
    *.zip) python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("oci-artifact.exe"))' "$1" ;;
    *) tar -xzOf "$1" oci-artifact ;;
  esac
}
