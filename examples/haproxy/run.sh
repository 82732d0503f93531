#!/bin/sh
# Starts wasm-fpm and HAProxy as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
need haproxy

make_site
start_wasm_fpm
place haproxy.cfg
background haproxy haproxy -db -f "$work/haproxy.cfg"
try_it
