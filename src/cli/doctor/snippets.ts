/** What to write into a web server's configuration so that it hands a tenant's requests over. */

import type { ListenAddress } from '../../base/listen-address.ts'
import type { PoolConfig, TenantConfig } from '../../config/config.ts'

/** A `server` block and its upstream. */
export function nginxSnippet(tenant: TenantConfig, pool: PoolConfig): string {
  const upstream = `wasm_fpm_${tenant.name.replace(/[^A-Za-z0-9]/g, '_')}`
  const pattern = endingsPattern(tenant)
  return `upstream ${upstream} {
    server ${nginxAddress(pool.listen[0])};
    keepalive 16; # idle connections cost wasm-fpm next to nothing
}

server {
    listen 80;
    server_name ${serverNames(tenant)
      .map((host) => (host === '*' ? '_' : host))
      .join(' ')};
    root ${quoted(tenant.root ?? '/srv/www')};

    location ~ [^/]${pattern}(/|$) {
        fastcgi_split_path_info ^(.+?${pattern})(/.*)?$;
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
        fastcgi_param PATH_INFO $fastcgi_path_info;
        fastcgi_param WASM_FPM_TENANT ${quoted(tenant.name)};
        fastcgi_param HTTP_PROXY ""; # a client's "Proxy:" header must not become it
        fastcgi_pass ${upstream};
        fastcgi_keep_conn on;
    }
}
`
}

/** A virtual host for mod_proxy_fcgi. */
export function apacheSnippet(tenant: TenantConfig, pool: PoolConfig): string {
  const [first = 'localhost', ...others] = serverNames(tenant)
  const root = quoted(tenant.root ?? '/srv/www')
  const names = [
    `    ServerName ${first.startsWith('*') ? 'localhost' : first}`,
    ...(first.startsWith('*') ? [first, ...others] : others).map(
      (host) => `    ServerAlias ${host}`,
    ),
  ]
  const { handler, worker } = apacheAddress(pool.listen[0])
  return `# a2enmod proxy_fcgi
<VirtualHost *:80>
${names.join('\n')}
    DocumentRoot ${root}
    <Directory ${root}>
        Require all granted
        AcceptPathInfo On
        CGIPassAuth On
        SetEnv WASM_FPM_TENANT ${quoted(tenant.name)}
    </Directory>
    <FilesMatch "${endingsPattern(tenant)}$">
        SetHandler "${handler}"
    </FilesMatch>
    # A kept connection holds no instance of wasm-fpm.
    <Proxy "${worker}" enablereuse=on flushpackets=on>
    </Proxy>
</VirtualHost>
`
}

function serverNames({ hosts }: TenantConfig): readonly string[] {
  return hosts.length === 0 ? ['localhost'] : hosts
}

/** `\.wasm`, or `(?:\.wasm|\.cgi)`. */
function endingsPattern({ limitExtensions }: TenantConfig): string {
  const endings = limitExtensions.map((ending) => ending.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const [only = '\\.wasm'] = endings
  return endings.length > 1 ? `(?:${endings.join('|')})` : only
}

function nginxAddress(address: ListenAddress | undefined): string {
  if (address?.kind === 'unix') return quoted(`unix:${address.path}`)
  return address?.kind === 'tcp' ? hostAndPort(address) : 'unix:/run/wasm-fpm/www.sock'
}

function apacheAddress(address: ListenAddress | undefined): {
  readonly handler: string
  readonly worker: string
} {
  if (address?.kind === 'tcp') {
    const url = `fcgi://${hostAndPort(address)}/`
    return { handler: `proxy:${url}`, worker: url }
  }
  const path = address?.kind === 'unix' ? address.path : '/run/wasm-fpm/www.sock'
  return { handler: `proxy:unix:${path}|fcgi://wasm-fpm/`, worker: 'fcgi://wasm-fpm/' }
}

/** All addresses of a machine are no address to connect to. */
function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  if (host === '::' || host === '0.0.0.0') return `127.0.0.1:${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function quoted(text: string): string {
  return /^[A-Za-z0-9._/:-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}
