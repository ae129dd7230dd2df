#!/usr/bin/env bash
# Ceph RADOS Gateway 16.2 (Debian 12's radosgw) on a memstore OSD: mon + osd + mgr + rgw, loopback only, one folder.
#   rgw.sh install | start DIR | stop DIR [--purge] | admin DIR radosgw-admin-arguments…
# Touches DIR and one short folder in /tmp, never /etc/ceph or /var/lib/ceph. Object data live in memory.
# Its owner account (RGW_ACCESS_KEY, RGW_SECRET_KEY in DIR/env) may administer users by the Admin Ops API.
# Env in: RGW_DAY_SECONDS=10 makes a lifecycle "day" last 10 s. Only the sandbox's S3 face may reach this server:
# it tells the client's address in X-Forwarded-For, which bucket policies then judge (RGW_ADDR_PARAM).
. "$(dirname "$(readlink -f "$0")")/_lib.sh"
export PYTHONWARNINGS=ignore
# paxos intervals: the monitor's default of 1 s per map change makes start-up 14 s instead of about 3 s.
# tcp_nodelay=1: without it every small answer waits 40 ms (Nagle and delayed ACK): 21 GET/s instead of 180.
cmd=${1:-}; DIR=${2:-}
[ "$cmd" = install ] || { [ -n "$DIR" ] || die "usage: rgw.sh install | start DIR | stop DIR [--purge] | admin DIR ARGS"; mkdir -p "$DIR"; DIR=$(readlink -f "$DIR"); }
C="$DIR/ceph.conf"

case $cmd in
install)
  command -v radosgw ceph-mon ceph-osd ceph-mgr ceph curl >/dev/null && exit 0
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends ceph-mon ceph-osd ceph-mgr radosgw ceph-common curl >/dev/null ;;
start)
  running "$DIR" && { cat "$DIR/env"; exit 0; }
  stop_dir "$DIR"; [ -s "$DIR/sockdir" ] && rm -rf "$(cat "$DIR/sockdir")"; rm -rf "$DIR"/{mon,osd,mgr,run,keyring,monmap,log.*}     # memstore: nothing survives a stop
  mkdir -p "$DIR"/{mon,osd,mgr,run}; chmod 700 "$DIR"
  sock=$(mktemp -d /tmp/rgw.XXXXXX); echo "$sock" > "$DIR/sockdir"          # unix socket paths are limited to ~107 characters
  read -r pm2 pm1 pr < <(free_port 3)
  FSID=$(python3 -c 'import uuid;print(uuid.uuid4())')
  cat > "$C" <<V
[global]
fsid = $FSID
mon initial members = a
mon host = [v2:127.0.0.1:$pm2,v1:127.0.0.1:$pm1]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
paxos propose interval = 0.02
paxos min wait = 0.01
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
run dir = $DIR/run
log file = $DIR/log.\$name
admin socket = $sock/\$name.asok
pid file = $DIR/run/\$name.pid
keyring = $DIR/keyring
crash dir = $DIR/run
[mon.a]
mon data = $DIR/mon
host = localhost
[osd.0]
osd data = $DIR/osd
host = localhost
[client]
admin socket =
rgw frontends = beast endpoint=127.0.0.1:$pr tcp_nodelay=1
rgw crypt require ssl = false
rgw enable usage log = false
rgw remote addr param = ${RGW_ADDR_PARAM:-HTTP_X_FORWARDED_FOR}
rgw lc debug interval = ${RGW_DAY_SECONDS:--1}
V
  K="$DIR/keyring"; kt() { ceph-authtool "$@" >/dev/null; }
  kt --create-keyring "$K" --gen-key -n mon. --cap mon 'allow *'
  kt "$K" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  kt "$K" --gen-key -n client.rgw --cap mon 'allow rwx' --cap osd 'allow rwx' --cap mgr 'allow rw'
  kt "$K" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
  kt "$K" --gen-key -n mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'
  monmaptool --create --fsid "$FSID" --addv a "[v2:127.0.0.1:$pm2,v1:127.0.0.1:$pm1]" "$DIR/monmap" >/dev/null
  ceph-mon -c "$C" --mkfs -i a --monmap "$DIR/monmap" --keyring "$K"
  bg() { local n=$1; shift; setsid "$@" </dev/null >>"$DIR/log.out" 2>&1 & remember "$DIR" "$n" $!; }
  bg mon ceph-mon -c "$C" -i a -f
  wait_until 20 ceph -c "$C" --connect-timeout 2 -s || { stop_dir "$DIR"; die "mon did not answer"; }
  ceph -c "$C" osd create >/dev/null
  ceph-osd -c "$C" -i 0 --mkfs >/dev/null 2>>"$DIR/log.out"
  ceph -c "$C" osd crush add osd.0 1.0 host=localhost root=default >/dev/null 2>>"$DIR/log.out"
  bg osd ceph-osd -c "$C" -i 0 -f
  bg mgr ceph-mgr -c "$C" -i x --mgr-data "$DIR/mgr" -f
  bg rgw radosgw -c "$C" -n client.rgw -f
  wait_until 90 curl -fsS -o /dev/null "http://127.0.0.1:$pr/" || { tail -5 "$DIR/log.out" >&2; stop_dir "$DIR"; die "radosgw did not answer"; }
  read -r access secret < <(python3 -c 'import secrets,uuid;print("SCW"+secrets.token_hex(9)[:17].upper(), uuid.uuid4())')
  radosgw-admin -c "$C" -n client.rgw user create --uid=portal --display-name=portal --access-key="$access" --secret-key="$secret" \
    --max-buckets=0 --caps='users=*;buckets=*;metadata=*;usage=*' >/dev/null
  (umask 077; cat > "$DIR/env" <<V
RGW_ENDPOINT=http://127.0.0.1:$pr
RGW_REGION=fr-par
RGW_ACCESS_KEY=$access
RGW_SECRET_KEY=$secret
RGW_CEPH_CONF=$C
V
  )
  cat "$DIR/env" ;;
admin)
  shift 2; exec radosgw-admin -c "$C" -n client.rgw "$@" ;;
stop)
  # memstore has nothing to flush: KILL is right here and saves the osd's several seconds
  stop_dir "$DIR" 2 "${RGW_STOP_SIGNAL:-KILL}"
  [ -s "$DIR/sockdir" ] && rm -rf "$(cat "$DIR/sockdir")"
  rm -f "$DIR/sockdir"; [ "${3:-}" = --purge ] && rm -rf "$DIR"; true ;;
*) die "usage: rgw.sh install | start DIR | stop DIR [--purge] | admin DIR ARGS" ;;
esac
