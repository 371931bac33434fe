#!/bin/sh
# Installs the Debian packages that are missing for the purposes given (build, demo, test, ci; see
# scripts/packages). Where there is no apt it names them and goes on: the build then says what it lacks.
set -eu
here=$(dirname "$0")
wanted=""
for purpose in "$@"; do
    wanted="$wanted $(sed -n "s/^$purpose //p" "$here/packages" | tr '\n' ' ')"
done

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: no apt here; ballast needs what Debian calls:$wanted" >&2
    exit 0
fi
missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || {
        echo "setup: not root and no sudo; install these packages:$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "setup: installing$missing" >&2
$as_root apt-get update -q >&2
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2
