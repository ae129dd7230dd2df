#!/usr/bin/env bash
# OpenSearch 2.19 as a throw-away test server: one node, plain HTTP on a free loopback port, no security plug-in.
#   opensearch.sh install | start DIR | stop DIR [--purge]
# install: a JDK and Maven from Debian, then the engine's jars, our small main class and a class archive, once,
# into $GUICHET_ENGINES_HOME (default ~/.cache/guichet-engines). Later starts need neither Maven nor a network.
# Env in: OPENSEARCH_HEAP (512m), OPENSEARCH_JAVA_OPTS (-Dlog4j2.level=INFO shows the server's log).
. "$(dirname "$(readlink -f "$0")")/_lib.sh"
here=$(dirname "$(readlink -f "$0")")/opensearch2
oldest=17
cmd=${1:-}; DIR=${2:-}
[ "$cmd" = install ] || { [ -n "$DIR" ] || die "usage: opensearch.sh install | start DIR | stop DIR [--purge]"; mkdir -p "$DIR"; DIR=$(readlink -f "$DIR"); }

# The newest JDK of at least $oldest, $JAVA_HOME's if it fits; the release file tells the version.
jdk_version() { sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null || true; }
find_jdk() {
  local best="" best_version=0 dir version
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/javac" ] && [ "0$(jdk_version "$JAVA_HOME")" -ge "$oldest" ]; then
    echo "$JAVA_HOME"; return
  fi
  for dir in /usr/lib/jvm/*/; do
    dir=${dir%/}; version=$(jdk_version "$dir")
    if [ -x "$dir/bin/javac" ] && [ "${version:-0}" -ge "$oldest" ] && [ "$version" -gt "$best_version" ]; then
      best=$dir best_version=$version
    fi
  done
  [ -n "$best" ] && echo "$best"
}

work=""
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

place() { # sets jdk and home: one folder for each state of the recipe and each JDK
  jdk=$(find_jdk) || die "no JDK $oldest or newer with javac: run 'opensearch.sh install' or set JAVA_HOME"
  local key; key=$(cat "$here/pom.xml" "$here/OpenSearch2Server.java" "$jdk/release" | sha256sum | cut -c1-12)
  home=${GUICHET_ENGINES_HOME:-$HOME/.cache/guichet-engines}/opensearch2-$key
  # Short-lived server: client compiler only, serial collector, and an archive of the loaded classes.
  options=(-Xmx"${OPENSEARCH_HEAP:-512m}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dfile.encoding=UTF-8)
  [ "$(jdk_version "$jdk")" -lt 23 ] || options+=(--sun-misc-unsafe-memory-access=allow)
  # shellcheck disable=SC2206
  options+=(${OPENSEARCH_JAVA_OPTS:-})
}

prepare() {
  mkdir -p "$(dirname "$home")"; work=$(mktemp -d "$home.XXXXXX")
  JAVA_HOME=$jdk mvn -B -ntp -q -f "$here/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/lib" > "$work/mvn.log" 2>&1 || { cat "$work/mvn.log" >&2; die "Maven failed"; }
  rm "$work/mvn.log"; mkdir "$work/classes"
  "$jdk/bin/javac" -cp "$work/lib/*" -d "$work/classes" "$here/OpenSearch2Server.java"
  # A jar, not a folder: class data sharing refuses a class path with folders.
  "$jdk/bin/jar" cf "$work/server.jar" -C "$work/classes" .
  rm -rf "$work/classes"
  mv -T "$work" "$home" 2>/dev/null || rm -rf "$work"      # another install was quicker
  work=""
}

train() { # one start on a free port writes the archive; later starts then take half the time
  local pid; work=$(mktemp -d "$home/train.XXXXXX")
  "$jdk/bin/java" "${options[@]}" -XX:ArchiveClassesAtExit="$work/classes.jsa" -cp "$home/server.jar:$home/lib/*" \
    OpenSearch2Server 0 "$work/data" > "$work/log" 2>&1 & pid=$!
  for _ in $(seq 900); do if grep -q '^READY' "$work/log" || ! kill -0 "$pid" 2>/dev/null; then break; fi; sleep 0.1; done
  kill "$pid" 2>/dev/null || true; wait "$pid" || true
  grep -q '^READY' "$work/log" || { tail -20 "$work/log" >&2; die "the first start failed"; }
  mv "$work/classes.jsa" "$home/" || true
  rm -rf "$work"; work=""
}

case $cmd in
install)
  if ! find_jdk >/dev/null || ! command -v mvn >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq; apt-get install -y -qq --no-install-recommends openjdk-17-jdk-headless maven >/dev/null
  fi
  place; [ -e "$home/server.jar" ] || prepare; [ -e "$home/classes.jsa" ] || train ;;
start)
  running "$DIR" && { cat "$DIR/env"; exit 0; }
  place; [ -e "$home/server.jar" ] || die "no OpenSearch: run 'opensearch.sh install'"
  stop_dir "$DIR"; : > "$DIR/log"
  [ ! -e "$home/classes.jsa" ] || options+=(-XX:SharedArchiveFile="$home/classes.jsa")
  setsid "$jdk/bin/java" "${options[@]}" -cp "$home/server.jar:$home/lib/*" OpenSearch2Server 0 "$DIR/node" </dev/null >"$DIR/log" 2>&1 &
  remember "$DIR" opensearch $!
  wait_until 90 grep -q '^READY' "$DIR/log" || { tail -20 "$DIR/log" >&2; stop_dir "$DIR"; die "did not answer"; }
  echo "OPENSEARCH_URL=$(sed -n 's/^READY //p' "$DIR/log" | head -n 1)" > "$DIR/env"; cat "$DIR/env" ;;
stop) stop_dir "$DIR" 10; [ "${3:-}" = --purge ] && rm -rf "$DIR"; true ;;
*) die "usage: opensearch.sh install | start DIR | stop DIR [--purge]" ;;
esac
