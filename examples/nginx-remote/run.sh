#!/bin/sh
# Starts wasm-fpm and nginx as set up in this folder, publishes a handler, asks three times, and stops both. HTTP_PORT=8080 by default.
. "$(dirname "$0")/../set-up.sh"
. "$here/../network.sh"
need nginx

make_site
make_network
start_wasm_fpm ip netns exec "$app"
mkdir -p "$work/var/log/nginx" "$work/var/lib/nginx"
place nginx.conf
background nginx ip netns exec "$web" nginx -c "$work/nginx.conf" -e "$work/var/log/nginx/error.log" -g 'daemon off;'
try_it
