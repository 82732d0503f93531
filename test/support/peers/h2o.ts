/** h2o with fastcgi.connect for every path: it sends the whole path as PATH_INFO and no SCRIPT_FILENAME. */
import type { Backend, PeerDefinition } from './peer.ts'

export const h2o: PeerDefinition = {
  name: 'h2o',
  binary: 'h2o',
  args: ({ directory }) => ['-c', `${directory}/h2o.conf`],
  configuration: ({ backend, directory, keepAlive, port, user }) => ({
    'h2o.conf': `
${user === undefined ? '' : `user: ${user}`}
num-threads: 1
temp-buffer-path: ${directory}
error-log: ${directory}/error.log
fastcgi.timeout.io: 30000
${keepAlive ? 'fastcgi.timeout.keepalive: 5000' : ''}
listen:
  host: 127.0.0.1
  port: ${port}
hosts:
  default:
    paths:
      "/":
        fastcgi.connect:
${address(backend)}
`,
  }),
}

function address(backend: Backend): string {
  if ('unix' in backend) return `          port: ${backend.unix}\n          type: unix`
  return `          host: ${backend.host}\n          port: ${backend.tcpPort}\n          type: tcp`
}
