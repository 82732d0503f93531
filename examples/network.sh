# Two hosts on one machine: network namespaces `web` and `app`, joined by a veth pair. Sourced after set-up.sh.
#
#     web 10.87.0.1  <---- veth ---->  10.87.0.2 app
#
# Each namespace has its own addresses and ports, so nothing here meets the machine's own network.

if [ "$(id -u)" -ne 0 ]; then
  echo "network namespaces need root" >&2
  exit 77
fi
need ip

web="wasm-fpm-web-$$"
app="wasm-fpm-app-$$"

remove_network() {
  ip netns delete "$web" 2>/dev/null || true
  ip netns delete "$app" 2>/dev/null || true
}

make_network() {
  ip netns add "$web"
  ip netns add "$app"
  ip link add veth0 netns "$web" type veth peer name veth0 netns "$app"
  ip -n "$web" address add 10.87.0.1/24 dev veth0
  ip -n "$app" address add 10.87.0.2/24 dev veth0
  for host in "$web" "$app"; do
    ip -n "$host" link set lo up
    ip -n "$host" link set veth0 up
  done
}

curl="ip netns exec $web curl"
