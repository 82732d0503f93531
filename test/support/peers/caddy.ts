/** Caddy with reverse_proxy's fastcgi transport. It never keeps connections to the backend. */
import { backendAddress, type PeerDefinition } from './peer.ts'

export const caddy: PeerDefinition = {
  name: 'caddy',
  binary: 'caddy',
  args: ({ directory }) => [
    'run',
    ...['--config', `${directory}/Caddyfile`, '--adapter', 'caddyfile'],
  ],
  configuration: ({ backend, directory, documentRoot, port, streaming }) => ({
    Caddyfile: `
{
  admin off
  auto_https off
  storage file_system ${directory}/storage
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy ${backendAddress(backend, 'unix/')} {
    ${streaming ? 'flush_interval -1' : ''}
    transport fastcgi {
      root ${documentRoot}
      split .wasm
      capture_stderr
    }
  }
}
`,
  }),
}
