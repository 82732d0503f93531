#!/bin/sh
# Starts wasm-fpm and Caddy as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
need caddy

make_site
start_wasm_fpm
place Caddyfile
background caddy env HOME="$work" caddy run --config "$work/Caddyfile" --adapter caddyfile
try_it
