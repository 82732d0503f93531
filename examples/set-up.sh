# What every run.sh shares. It is sourced, and does nothing by itself.
#
# An example's configuration names the places a real installation uses. To try it beside whatever this machine
# already runs, `place` copies a file into a folder of its own and moves those places there:
#     /run /srv /var/log /var/lib  ->  $work/run $work/srv ...      port 8080  ->  $HTTP_PORT
set -eu

here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
PATH="$checkout/node_modules/.bin:$PATH:/usr/sbin:/sbin"
HTTP_PORT=${HTTP_PORT:-8080}
# The program; tests name the one that is compiled.
WASM_FPM=${WASM_FPM:-$checkout/src/cli/main.ts}
work=$(mktemp -d "${TMPDIR:-/tmp}/wasm-fpm-example.XXXXXX")
chmod 755 "$work"
started=
# What curl is run by: network.sh puts it on the host `web`.
curl=curl

# Ends what this script started, and only that, by process id.
clean_up() {
  status=$?
  trap - EXIT INT TERM
  for pid in $started; do kill "$pid" 2>/dev/null || true; done
  for pid in $started; do wait "$pid" 2>/dev/null || true; done
  if [ "$status" -ne 0 ]; then cat "$work"/*.output "$work"/var/log/*/* >&2 2>/dev/null || true; fi
  if command -v remove_network >/dev/null; then remove_network; fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# need PROGRAM: ends with 77, which the tests take for "not here", when it is not installed.
need() {
  command -v "$1" >/dev/null && return
  echo "$1 is not installed" >&2
  exit 77
}

# place FILE: copies a file of the example into $work.
place() {
  # The first line is for fcgi://HOST:PORT/srv/...
  sed -E -e "s#(:[0-9]+)/srv/#\1$work/srv/#g" \
    -e "s#(^|[^[:alnum:]_.-])/(run|srv|var/log|var/lib)/#\1$work/\2/#g" \
    -e "s/8080/$HTTP_PORT/g" \
    "$here/$1" >"$work/$1"
  # Only root can give a socket to another user.
  if [ "$(id -u)" -ne 0 ]; then sed -i -E '/^(listen_owner|listen_group|user:) /d' "$work/$1"; fi
}

# background NAME COMMAND...: starts a server; its output goes to $work/NAME.output.
background() {
  name=$1
  shift
  "$@" >"$work/$name.output" 2>&1 &
  started="$started $!"
}

# The site of the tenant `acme`: two programs in its document root, compiled if they are not yet.
make_site() {
  mkdir -p "$work/run/wasm-fpm" "$work/srv/acme/www" "$work/var/log" "$work/var/lib"
  node "$checkout/guests/build.ts" --only as >&2
  cp "$checkout/build/guests/as/hello.wasm" "$checkout/build/guests/as/echo.wasm" "$work/srv/acme/www/"
}

# start_wasm_fpm [COMMAND...]: starts it on wasm-fpm.toml, behind COMMAND if there is one.
start_wasm_fpm() {
  place wasm-fpm.toml
  background wasm-fpm "$@" node "$WASM_FPM" serve --config "$work/wasm-fpm.toml"
}

# fetch URL [CURL OPTION...]: the body of a 200 answer; tries for 15 s while the servers start.
fetch() {
  tries=0
  until $curl --silent --fail --max-time 10 --resolve "acme.example:$HTTP_PORT:127.0.0.1" "$@"; do
    tries=$((tries + 1))
    for pid in $started; do
      if ! kill -0 "$pid" 2>/dev/null; then tries=75; fi # it has ended: nothing will answer
    done
    if [ "$tries" -ge 75 ]; then
      echo "no answer from $1" >&2
      exit 1
    fi
    sleep 0.2
  done
}

# The requests every example makes: to two programs in the document root, and to what is published while it runs.
try_it() {
  fetch "http://acme.example:$HTTP_PORT/hello.wasm" "$@"
  fetch "http://acme.example:$HTTP_PORT/echo.wasm/a/path?q=1" --data 'a body' "$@"
  node "$WASM_FPM" publish "$checkout/build/guests/as/hello.wasm" \
    --config "$work/wasm-fpm.toml" --tenant acme --route /shop >"$work/publish.output" 2>&1
  fetch "http://acme.example:$HTTP_PORT/shop/a/path" "$@"
}
