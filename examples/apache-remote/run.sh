#!/bin/sh
# Starts wasm-fpm and Apache as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
. "$here/../network.sh"
need apache2

make_site
make_network
start_wasm_fpm ip netns exec "$app"
mkdir -p "$work/var/log/apache2" "$work/run/apache2"
place apache2.conf
background apache ip netns exec "$web" apache2 -D FOREGROUND -f "$work/apache2.conf"
try_it
