# shellcheck shell=bash
# Pieces of scripts/test and scripts/demo, to be sourced: timed steps, Debian packages, configure and build.
set -euo pipefail
unset CDPATH
export PATH  # bash has one even where the environment has none, and cmake looks for itself in it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
logs=$root/build/logs

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# For a mistake in the command line: what is wrong, then where help is.
bad_usage() { printf 'error: %s\nTry: scripts/%s --help\n' "$1" "$(basename "$0")" >&2; exit 2; }

now_us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }
# seconds_since START_US: "3.1 s"
seconds_since() {
  local us=$(($(now_us) - $1))
  printf '%d.%d s' $((us / 1000000)) $((us / 100000 % 10))
}

# step TEXT COMMAND...: says what it does, runs it, says how long it took; ends the script if it fails.
step() {
  local text=$1 start rc=0
  shift
  say "$text"
  start=$(now_us)
  "$@" || rc=$?
  [ "$rc" -eq 0 ] || die "$text: failed after $(seconds_since "$start") (exit $rc)"
  say "   took $(seconds_since "$start")"
}

# logged NAME COMMAND...: keeps a talkative command's output in build/logs/NAME.log and shows it only if it fails.
logged() {
  local log=$logs/$1.log rc=0
  shift
  mkdir -p "$logs"
  "$@" >"$log" 2>&1 </dev/null || rc=$?
  [ "$rc" -eq 0 ] || { tail -n 40 "$log"; echo "(all of it: ${log#"$root"/})"; } >&2
  return "$rc"
}

# packages_for GROUP...: the names that packages.txt lists for these groups.
packages_for() {
  awk -v groups=" $* " '!/^#/ && NF && index(groups, " " $2 " ") {print $1}' "$root/scripts/packages.txt"
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | awk '$1 == "installed" {print $2}')
  packages_for "$@" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

# May fail without a terminal: then sudo has no way to ask for a password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}
can_be_root() {
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null || return
  [ -t 0 ] || sudo -n true 2>/dev/null
}

apt_get() {
  # --no-remove: an install that would take something off this machine stops instead.
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -y -q \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# install_packages GROUP...: installs what is missing of them, and asks nothing of the network if nothing is.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    printf 'error: %s\n' "this is not a Debian: there is no apt-get. Install these by hand:" >&2
    packages_for "$@" | sed 's/^/  /' >&2
    die "then build with: cmake --preset dev && cmake --build --preset dev && ctest --preset dev"
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    say "packages: all installed"
    return
  fi
  can_be_root || die "packages are missing, and installing them takes root or sudo. As root, run:
  apt-get install -y --no-install-recommends ${missing[*]}"
  # Here and not in the log: it may have to ask for a password.
  [ "$(id -u)" -eq 0 ] || sudo true || die "sudo was refused"
  step "packages: fetching the lists" logged apt-update apt_get update
  step "packages: installing ${missing[*]}" \
    logged apt-install apt_get install --no-remove --no-install-recommends "${missing[@]}"
}

# How many compilers at once: one a core, and 1.5 GB of memory each (the largest files take that with sanitizers).
compilers_at_once() {
  local cores kb limit
  cores=$(nproc)
  kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [ "$limit" != max ] && [ $((limit / 1024)) -lt "$kb" ]; then kb=$((limit / 1024)); fi
  local by_memory=$((kb / 1500000))
  [ "$by_memory" -ge 1 ] || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# GCC 12's sanitizers find no room for their shadow where the kernel randomises addresses by more than 28 bits.
# The figure is for root's eyes only; who cannot read it is treated as if it were too large.
fixed_addresses=()
case $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo unknown) in
  [0-9] | 1[0-9] | 2[0-8]) ;;
  *) ! setarch -R true 2>/dev/null || fixed_addresses=(setarch -R) ;;
esac

# ccache without a usable home fails each compilation; give it a place here.
if [ -z "${CCACHE_DIR:-}" ] && [ ! -w "${HOME:-/nonexistent}" ]; then
  export CCACHE_DIR=$root/build/ccache
fi

# build PRESET [TARGET...]: configures and builds; what is built already is kept. build_tests=ON for targets of the tests.
build() {
  local preset=$1 n tests=${build_tests:-OFF}
  shift
  n=${CMAKE_BUILD_PARALLEL_LEVEL:-$(compilers_at_once)}
  cd "$root"
  # Without targets everything is built, and the tests want packages of their own.
  [ $# -gt 0 ] || tests=ON
  step "configuring preset $preset (build/$preset)" logged "configure-$preset" \
    cmake --preset "$preset" -DREKI_BUILD_TESTS="$tests"
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  # The build runs the test binaries once, to list their cases.
  step "building with $n jobs$(command -v ccache >/dev/null && echo ' and ccache')${*:+: $*}" \
    "${fixed_addresses[@]}" cmake --build --preset "$preset" --parallel "$n" "${targets[@]}"
}
