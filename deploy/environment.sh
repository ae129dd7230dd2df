#!/bin/sh
# Creates .venv with Python 3.11 and what the portal needs; quick when nothing changed.
#   deploy/environment.sh runtime | tests
# As root on Debian it installs what Python itself lacks. Messages are in French: people read them.
set -eu
cd "$(dirname "$0")/.."
what=${1:-runtime}
uv_version=0.13.9   # fast installer, https://docs.astral.sh/uv; pip does the work where it cannot be had

fail() { printf '%s\n' "$1" >&2; exit 1; }

is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }
# The distribution's own first: one that was compiled on the machine, often without profile-guided optimisation, takes a
# third more time for everything. One that cannot make an environment comes last.
find_python() {
  for p in /usr/bin/python3.11 python3.11 /usr/bin/python3 python3; do if is_311 "$p" && "$p" -c 'import ensurepip' 2>/dev/null; then echo "$p"; return; fi; done
  for p in /usr/bin/python3.11 python3.11 /usr/bin/python3 python3; do if is_311 "$p"; then echo "$p"; return; fi; done
  return 1
}
can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_python() { DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3.11 python3.11-venv >/dev/null; }

python=$(find_python) || { can_apt && apt_python >/dev/null 2>&1; python=$(find_python); } || fail \
  "Guichet demande Python 3.11 (trouvé : $(python3 --version 2>/dev/null || echo aucun)) : installez-le, par exemple avec « apt-get install python3.11 python3.11-venv » sur Debian 12."

probe() { mkdir -p "$1" 2>/dev/null && touch "$1/.writable" 2>/dev/null && rm -f "$1/.writable"; }
var=${GUICHET_VAR:-var}
probe . || fail "Le dossier $(pwd) n’est pas accessible en écriture : placez Guichet ailleurs, ou changez ses droits."
probe "$var" || fail "Le dossier $var n’est pas accessible en écriture : choisissez-en un autre avec GUICHET_VAR."
if [ -d .venv ] && ! is_311 .venv/bin/python; then
  fail "Le dossier .venv n’est pas un environnement Python 3.11 : supprimez-le (rm -r .venv), puis recommencez."
fi

# A stamp names the state of the requirement files that the environment was made from.
sum() { cat "$@" | sha256sum | cut -c1-16; }
runtime=.venv/.runtime-$(sum requirements.txt)
tests=.venv/.tests-$(sum requirements.txt tests/requirements.txt)
case $what in
runtime) { [ -e "$runtime" ] || [ -e "$tests" ]; } && exit 0; file=requirements.txt; stamp=$runtime ;;
tests) [ -e "$tests" ] && exit 0; file=tests/requirements.txt; stamp=$tests ;;
*) fail "usage : deploy/environment.sh runtime | tests" ;;
esac

echo "Environnement Python ($file)…"
if [ ! -d .venv ]; then
  "$python" -c 'import ensurepip' 2>/dev/null || { can_apt && apt_python; } || fail \
    "Le module « venv » de Python manque : installez-le avec « apt-get install python3.11-venv »."
  "$python" -m venv .venv || fail "L’environnement .venv n’a pas pu être créé."
fi
pip() { .venv/bin/python -m pip install -q --disable-pip-version-check "$@"; }
# The machine's own certificates: many hospitals' networks stand behind a proxy that signs with its own.
quick() { { [ -x .venv/bin/uv ] || pip "uv==$uv_version" 2>/dev/null; } && .venv/bin/uv pip install -q --system-certs --python .venv/bin/python -r "$file" 2>/dev/null; }
quick || pip -r "$file" || fail "L’installation de $file a échoué : le réseau donne-t-il accès aux paquets Python ?"
rm -f .venv/.runtime-* .venv/.tests-*
: > "$stamp"
