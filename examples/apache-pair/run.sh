#!/bin/sh
# Starts wasm-fpm on two hosts and Apache on a third as set up in this folder, publishes a handler, asks three times, and stops all. HTTP_PORT=8080 by
# default. With LOAD=COMMAND each machine is stopped and started while that runs on the web host.
. "$(dirname "$0")/../set-up.sh"
. "$here/../pair.sh"
need apache2

start_pair
mkdir -p "$work/var/log/apache2" "$work/run/apache2"
place apache2.conf
background apache ip netns exec "$web" apache2 -D FOREGROUND -f "$work/apache2.conf"
try_pair
roll
