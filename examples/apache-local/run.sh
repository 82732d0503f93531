#!/bin/sh
# Starts wasm-fpm and Apache as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
need apache2

make_site
start_wasm_fpm
mkdir -p "$work/var/log/apache2" "$work/run/apache2"
place apache2.conf
background apache apache2 -D FOREGROUND -f "$work/apache2.conf"
try_it
