#!/usr/bin/env bash
# PostgreSQL (Debian 15) as a throw-away test server: own folder, random loopback port, durability off.
#   pg.sh install | start DIR | stop DIR [--purge]
# Works as root (runs the server as user postgres) and as a plain user.
. "$(dirname "$(readlink -f "$0")")/_lib.sh"
cmd=${1:-}; DIR=${2:-}
bindir() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
[ "$cmd" = install ] || { [ -n "$DIR" ] || die "usage: pg.sh install | start DIR | stop DIR [--purge]"; mkdir -p "$DIR"; DIR=$(readlink -f "$DIR"); }
as_pg() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi; }
case $cmd in
install)
  [ -n "$(bindir)" ] && [ -x "$(bindir)/initdb" ] && exit 0
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # keep the package from creating and starting a cluster of its own on 5432
  mkdir -p /etc/postgresql-common; grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf || echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf
  apt-get install -y -qq --no-install-recommends postgresql-15 >/dev/null ;;
start)
  running "$DIR" && { cat "$DIR/env"; exit 0; }
  B=$(bindir); [ -n "$B" ] || die "no PostgreSQL: run 'pg.sh install'"
  stop_dir "$DIR" 10 INT
  # user postgres must be able to enter every parent folder: mktemp's 0700 is the usual trap, hence its own folder in /tmp
  if [ ! -s "$DIR/where" ]; then P=$(mktemp -d /tmp/pg.XXXXXX); echo "$P" > "$DIR/where"; [ "$(id -u)" = 0 ] && chown postgres:postgres "$P"; fi
  P=$(cat "$DIR/where"); PGDATA=$P/data
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    python3 -c 'import secrets;print(secrets.token_urlsafe(18))' > "$DIR/password"
    install -m 600 "$DIR/password" "$P/pw"; [ "$(id -u)" = 0 ] && chown postgres:postgres "$P/pw"
    (cd / && as_pg "$B/initdb" -D "$PGDATA" -U portal --pwfile="$P/pw" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync >"$DIR/log.initdb" 2>&1) || { tail -5 "$DIR/log.initdb" >&2; die "initdb failed"; }
    rm -f "$P/pw"
  fi
  read -r port < <(free_port 1)
  cd /
  if [ "$(id -u)" = 0 ]; then pre=(setpriv --reuid=postgres --regid=postgres --init-groups --); else pre=(); fi
  setsid ${pre[@]+"${pre[@]}"} "$B/postgres" -D "$PGDATA" -p "$port" -k "$P" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=2GB -c shared_buffers=128MB -c max_connections=200 \
    -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=on -c timezone=UTC </dev/null >"$DIR/log" 2>&1 &
  remember "$DIR" postgres $!
  wait_until 20 "$B/pg_isready" -q -h 127.0.0.1 -p "$port" || { tail -5 "$DIR/log" >&2; stop_dir "$DIR" 5 INT; die "did not answer"; }
  pw=$(cat "$DIR/password")
  cat > "$DIR/env" <<V
PGHOST=127.0.0.1
PGPORT=$port
PGUSER=portal
PGPASSWORD=$pw
DATABASE_URL=postgresql://portal:$pw@127.0.0.1:$port/postgres
V
  chmod 600 "$DIR/env" "$DIR/password"; cat "$DIR/env" ;;
stop)
  if [ "${3:-}" = --purge ]; then stop_dir "$DIR" 5 QUIT; else stop_dir "$DIR" 10 INT; fi      # QUIT = at once, INT = with a checkpoint
  if [ "${3:-}" = --purge ]; then [ -s "$DIR/where" ] && rm -rf "$(cat "$DIR/where")"; rm -rf "$DIR"; fi; true ;;
*) die "usage: pg.sh install | start DIR | stop DIR [--purge]" ;;
esac
