/** lighttpd with mod_fastcgi on the `.wasm` extension. It never keeps connections to the backend. */
import type { Backend, PeerDefinition } from './peer.ts'

export const lighttpd: PeerDefinition = {
  name: 'lighttpd',
  binary: 'lighttpd',
  args: ({ directory }) => ['-D', '-f', `${directory}/lighttpd.conf`],
  configuration: ({ backend, directory, documentRoot, port, streaming, user }) => ({
    'lighttpd.conf': `
server.modules = ( "mod_fastcgi" )
server.document-root = "${documentRoot}"
server.bind = "127.0.0.1"
server.port = ${port}
${user === undefined ? '' : `server.username = "${user}"\nserver.groupname = "${user}"`}
server.errorlog = "${directory}/error.log"
server.upload-dirs = ( "${directory}" )
server.max-keep-alive-requests = 100000
server.stream-request-body = ${streaming ? 2 : 0}
server.stream-response-body = ${streaming ? 2 : 0}
fastcgi.server = ( ".wasm" => (( ${address(backend)}, "check-local" => "disable" )) )
`,
  }),
}

function address(backend: Backend): string {
  if ('unix' in backend) return `"socket" => "${backend.unix}"`
  return `"host" => "${backend.host}", "port" => ${backend.tcpPort}`
}
