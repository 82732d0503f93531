#!/bin/sh
# Starts wasm-fpm on two hosts and HAProxy on a third as set up in this folder, publishes a handler, asks three times, and stops all. HTTP_PORT=8080 by
# default. With LOAD=COMMAND each machine is stopped and started while that runs on the web host.
. "$(dirname "$0")/../set-up.sh"
. "$here/../pair.sh"
need haproxy

start_pair
place haproxy.cfg
background haproxy ip netns exec "$web" haproxy -db -f "$work/haproxy.cfg"
try_pair
roll
