# Two machines behind one web server, on one machine: network namespaces `web`, `app1` and `app2` on one bridge. Sourced after set-up.sh.
#
#     web 10.87.0.1  <---- bridge ---->  10.87.0.11 app1, 10.87.0.12 app2
#
# Each namespace has its own addresses and ports, so nothing here meets the machine's own network.

if [ "$(id -u)" -ne 0 ]; then
  echo "network namespaces need root" >&2
  exit 77
fi
need ip

web="wasm-fpm-web-$$"
curl="ip netns exec $web curl"

remove_network() {
  for host in "$web" "wasm-fpm-app1-$$" "wasm-fpm-app2-$$"; do ip netns delete "$host" 2>/dev/null || true; done
}

make_network() {
  ip netns add "$web"
  ip -n "$web" link set lo up
  ip -n "$web" link add bridge0 type bridge
  ip -n "$web" address add 10.87.0.1/24 dev bridge0
  ip -n "$web" link set bridge0 up
  for number in 1 2; do
    app="wasm-fpm-app$number-$$"
    ip netns add "$app"
    ip link add "app$number" netns "$web" type veth peer name veth0 netns "$app"
    ip -n "$web" link set "app$number" master bridge0 up
    ip -n "$app" address add "10.87.0.1$number/24" dev veth0
    ip -n "$app" link set lo up
    ip -n "$app" link set veth0 up
  done
}

# make_machine N: what the machine has on its disk.
make_machine() {
  mkdir -p "$work/app$1"
  cp -R "$work/run" "$work/srv" "$work/var" "$work/app$1/"
  place wasm-fpm.toml
  sed -e "s#$work/#$work/app$1/#g" "$work/wasm-fpm.toml" >"$work/app$1/wasm-fpm.toml"
}

# start_machine N: resolves when it serves.
start_machine() {
  background "app$1" ip netns exec "wasm-fpm-app$1-$$" node "$WASM_FPM" serve --config "$work/app$1/wasm-fpm.toml"
  pid=$!
  eval "pid_$1=$pid"
  tries=0
  until grep -qs '"msg":"ready"' "$work/app$1.output"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 150 ] || ! kill -0 "$pid" 2>/dev/null; then
      echo "app$1 does not start" >&2
      exit 1
    fi
    sleep 0.2
  done
}

# stop_machine N: as `systemctl stop` does.
stop_machine() {
  eval "pid=\$pid_$1"
  kill "$pid"
  wait "$pid"
}

start_pair() {
  make_site
  make_network
  for number in 1 2; do
    make_machine "$number"
    start_machine "$number"
  done
}

# The requests every example makes; what is published is published on both machines.
try_pair() {
  fetch "http://acme.example:$HTTP_PORT/hello.wasm"
  fetch "http://acme.example:$HTTP_PORT/echo.wasm/a/path?q=1" --data 'a body'
  for number in 1 2; do
    node "$WASM_FPM" publish "$checkout/build/guests/as/hello.wasm" \
      --config "$work/app$number/wasm-fpm.toml" --tenant acme --route /shop >"$work/publish.output" 2>&1
  done
  fetch "http://acme.example:$HTTP_PORT/shop/a/path"
}

# With LOAD=COMMAND: runs it on the web host while each machine is stopped and started in its turn, and then ends it. What it says
# comes last.
roll() {
  [ -n "${LOAD:-}" ] || return 0
  ip netns exec "$web" $LOAD "$HTTP_PORT" >"$work/load.result" &
  load=$!
  for number in 1 2; do
    # The web server knows again that the other one is there.
    sleep 3
    stop_machine "$number"
    start_machine "$number"
  done
  sleep 1
  kill "$load"
  wait "$load"
  cat "$work/load.result"
}
