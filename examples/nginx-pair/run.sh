#!/bin/sh
# Starts wasm-fpm on two hosts and nginx on a third as set up in this folder, publishes a handler, asks three times, and stops all. HTTP_PORT=8080 by
# default. With LOAD=COMMAND each machine is stopped and started while that runs on the web host.
. "$(dirname "$0")/../set-up.sh"
. "$here/../pair.sh"
need nginx

start_pair
mkdir -p "$work/var/log/nginx" "$work/var/lib/nginx"
place nginx.conf
background nginx ip netns exec "$web" nginx -c "$work/nginx.conf" -e "$work/var/log/nginx/error.log" -g 'daemon off;'
try_pair
roll
