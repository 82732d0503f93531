/**
 * Apache with mod_proxy_fcgi, in both of its common forms: SetHandler on files it can see (no keep-alive),
 * ProxyPass for everything (keep-alive). Each sends SCRIPT_FILENAME in a shape of its own.
 */
import { type Backend, backendAddress, type PeerDefinition } from './peer.ts'

const MODULES = '/usr/lib/apache2/modules'

export const apache: PeerDefinition = {
  name: 'apache',
  binary: 'apache2',
  args: ({ directory }) => ['-D', 'FOREGROUND', '-d', directory, '-f', `${directory}/apache.conf`],
  configuration: ({ backend, directory, documentRoot, keepAlive, port, streaming, user }) => {
    const parameters = `enablereuse=${keepAlive ? 'on' : 'off'} flushpackets=${streaming ? 'on' : 'off'}`
    return {
      'apache.conf': `
ServerRoot ${directory}
ServerName localhost
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
LogLevel warn proxy_fcgi:info
Listen 127.0.0.1:${port}
${user === undefined ? '' : `User ${user}\nGroup ${user}`}
LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
LoadModule proxy_module ${MODULES}/mod_proxy.so
LoadModule proxy_fcgi_module ${MODULES}/mod_proxy_fcgi.so
StartServers 1
ServerLimit 2
ThreadsPerChild 25
KeepAlive On
MaxKeepAliveRequests 0
ProxyTimeout 30
DocumentRoot ${documentRoot}
<Directory ${documentRoot}>
  Require all granted
  AcceptPathInfo On
</Directory>
${keepAlive ? proxyPass(backend, documentRoot, parameters) : setHandler(backend, parameters)}
`,
    }
  },
}

function url(backend: Backend, host: string): string {
  return 'unix' in backend
    ? `unix:${backend.unix}|fcgi://${host}`
    : backendAddress(backend, '').replace(/^/, 'fcgi://')
}

function proxyPass(backend: Backend, documentRoot: string, parameters: string): string {
  return `ProxyPass "/" "${url(backend, 'wasm-fpm')}${documentRoot}/" ${parameters}`
}

function setHandler(backend: Backend, parameters: string): string {
  const worker = 'unix' in backend ? 'fcgi://wasm-fpm/' : `${url(backend, '')}/`
  return `
<FilesMatch "\\.wasm$">
  SetHandler "proxy:${url(backend, 'wasm-fpm')}/"
</FilesMatch>
<Proxy "${worker}" ${parameters}>
</Proxy>`
}
