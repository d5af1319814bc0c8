#!/bin/sh
# Programs that tests use and no Python package brings: Chromium (the notebooks in a real browser), bubblewrap (so that
# attacks on plain nbgrader harm nothing) and npm (the browser-only site). This never fails: tests that lack a program say
# so themselves.
missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
    command -v google-chrome >/dev/null 2>&1 || missing="chromium"
[ "$(uname -s)" != Linux ] || command -v bwrap >/dev/null 2>&1 || missing="$missing bubblewrap"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$(printf ' %s' $missing)"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # one word per package
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Not installed:$(printf ' %s' $missing). Tests that need it are skipped; install it with your system's package manager to run them."
