/** HAProxy with an fcgi-app. It always streams; with keep-alive it also multiplexes. */
import { backendAddress, type PeerDefinition } from './peer.ts'

export const haproxy: PeerDefinition = {
  name: 'haproxy',
  binary: 'haproxy',
  args: ({ directory }) => ['-db', '-f', `${directory}/haproxy.cfg`],
  configuration: ({ backend, documentRoot, keepAlive, port, user }) => ({
    'haproxy.cfg': `
global
  maxconn 512
  log stdout format raw local0 info
  ${user === undefined ? '' : `user ${user}\n  group ${user}`}
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:${port}
  default_backend wasm
backend wasm
  use-fcgi-app wasm
  server wasm-fpm ${backendAddress(backend, 'unix@')} proto fcgi
fcgi-app wasm
  log-stderr global
  docroot ${documentRoot}
  path-info ^(/.+\\.wasm)(/.*)?$
  ${keepAlive ? 'option keep-conn\n  option mpxs-conns\n  option get-values' : 'no option keep-conn'}
`,
  }),
}
