#!/usr/bin/env bash
# Tries the distribution as a user has it: unpacked, read-only, in a folder with a space in its name, with an empty
# cache. Half a minute.
#
#   mvn -Pdist,quick -pl cli -am package && tools/dist-test.sh [ARCHIVE]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
archive=${1:-$(ls -t "$root"/target/quern-*.tar.gz 2> /dev/null | head -n 1 || true)}
if [ ! -f "$archive" ]; then
  echo "dist-test: no target/quern-*.tar.gz; make one: mvn -Pdist,quick -pl cli -am package" >&2
  exit 2
fi
work=$(mktemp -d)
home=""
trap 'if [ -n "$home" ]; then chmod -R u+w "$home"; fi; rm -rf "$work"' EXIT
unset QUERN_CACHE
export XDG_CACHE_HOME="$work/cache folder"
if [ -z "${QUERN_JAVA_HOME:-}" ]; then QUERN_JAVA_HOME=$("$root/tools/find-jdk"); fi
export QUERN_JAVA_HOME

fail() {
  echo "dist-test: $1" >&2
  if [ -f "$work/err" ]; then tail -n 20 "$work/err" >&2; fi
  exit 1
}

mkdir -p "$work/an empty folder" "$work/elsewhere"
tar -xzf "$archive" -C "$work/an empty folder"
home=$(echo "$work/an empty folder"/quern-*)
chmod -R a-w "$home"
contents=$(cd "$home" && find . | sort)
cd "$work/elsewhere"

# Runs it: stdout goes to $work/out, stderr to $work/err.
quern() { "$home/bin/quern" "$@" > "$work/out" 2> "$work/err" || fail "quern $* ended with $?"; }

# The demo model writes what it wrote before, and nothing but itself; $2 classes come from an archive ("none" or "most").
expect() {
  quern generate demo -p "Once upon a time" --max-tokens 16
  if grep -iE 'warning|archive|shared' "$work/err"; then fail "$1: generate says that on stderr"; fi
  [ -s "$work/out" ] || fail "$1: generate writes nothing"
  [ -f "$work/first" ] || cp "$work/out" "$work/first"
  cmp -s "$work/out" "$work/first" || fail "$1: generate writes something else"
  local shared
  shared=$(grep -c 'dev\.quern\..*shared objects file' "$work/classes") || true
  rm "$work/classes"
  case $2 in
    none) [ "$shared" -eq 0 ] || fail "$1: $shared classes came from an archive" ;;
    most) [ "$shared" -gt 100 ] || fail "$1: only $shared classes came from the archive" ;;
  esac
}
cached() { find "$XDG_CACHE_HOME" -name 'classes-*.jsa' 2> /dev/null || true; }
# Where each class comes from.
export QUERN_JAVA_OPTS=-Xlog:class+load:file=$work/classes

version=${home##*/quern-}
quern --version
[ "$(cat "$work/out")" = "quern $version" ] || fail "--version is not $version"
[ -z "$(cached)" ] || fail "--version left an archive, which knows too few classes"
for jar in "$home"/lib/*.jar; do
  name=$(basename "$jar" .jar)
  case $name in
    quern-*) ;;
    *) grep -qF "\`${name%%-[0-9]*}\`" "$home/THIRD-PARTY.md" || fail "$name is not in THIRD-PARTY.md" ;;
  esac
done
quern doctor

expect "first run" none
[ -f "$(cached)" ] || fail "the first run left no archive of classes"
expect "second run" most

# Another JVM's archive bears another name in its first KiB.
LC_ALL=C sed 's/OpenJDK/ClosedJ/; s/HotSpot/ColdDot/' "$(cached)" > "$work/other" && cat "$work/other" > "$(cached)"
expect "archive of another JVM" none
expect "after an archive of another JVM" most
: > "$(cached)"
expect "unfinished archive" none
expect "after an unfinished archive" most

# Unpacked anew: names, sizes and times of the jars are those of before, but the files are younger.
chmod u+w "$home/lib"
chmod a-w "$home/lib"
expect "after another build" none

# Through a link, without a cache, without a base archive in the JDK.
ln -s "$home/bin/quern" "$work/elsewhere/q"
XDG_CACHE_HOME=/dev/null/none QUERN_JAVA_OPTS=-Xshare:off "$work/elsewhere/q" --version > "$work/out" 2> "$work/err" \
  || fail "a link does not work"
[ ! -s "$work/err" ] || fail "without a cache --version says something on stderr"
[ "$(cd "$home" && find . | sort)" = "$contents" ] || fail "a run wrote into the installation"
echo "dist-test: $(basename "$archive"), $(($(wc -c < "$archive") >> 20)) MiB: works"
