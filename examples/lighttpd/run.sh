#!/bin/sh
# Starts wasm-fpm and lighttpd as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
need lighttpd

make_site
start_wasm_fpm
mkdir -p "$work/var/log/lighttpd" "$work/var/lib/lighttpd"
if [ "$(id -u)" -eq 0 ]; then chown www-data "$work/var/log/lighttpd" "$work/var/lib/lighttpd"; fi
place lighttpd.conf
background lighttpd lighttpd -D -f "$work/lighttpd.conf"
try_it
