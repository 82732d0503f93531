#!/bin/sh
# Starts wasm-fpm and h2o as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
need h2o

make_site
start_wasm_fpm
mkdir -p "$work/var/log/h2o" "$work/var/lib/h2o"
if [ "$(id -u)" -eq 0 ]; then chown www-data "$work/var/lib/h2o"; fi
place h2o.conf
background h2o h2o -c "$work/h2o.conf"
try_it
