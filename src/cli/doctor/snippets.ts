/** What to write into a web server's configuration so that it hands a tenant's requests over. */

import type { ListenAddress } from '../../base/listen-address.ts'
import type { PoolConfig, TenantConfig } from '../../config/config.ts'

/** A `server` block and its upstream. */
export function nginxSnippet(tenant: TenantConfig, pool: PoolConfig): string {
  const upstream = `wasm_fpm_${tenant.name.replace(/[^A-Za-z0-9]/g, '_')}`
  const names = serverNames(tenant).map((host) => (host === '*' ? '_' : host))
  return `upstream ${upstream} {
    server ${nginxAddress(pool.listen[0])};
    keepalive 16; # idle connections cost wasm-fpm next to nothing
}

server {
    listen 80;
    server_name ${names.join(' ')};

    include fastcgi_params;
    fastcgi_param WASM_FPM_TENANT ${quoted(tenant.name)};
    fastcgi_param HTTP_PROXY ""; # a client's "Proxy:" header must not become it
    fastcgi_keep_conn on;
    client_max_body_size ${nginxSize(tenant.limits.requestBodyBytes)}; # as request_body; nginx's own is 1m

${nginxLocations(tenant, upstream)}}
`
}

/** In its units, rounded up. */
function nginxSize(bytes: number): string {
  const kib = Math.ceil(bytes / 1024)
  return kib % 1024 === 0 ? `${kib / 1024}m` : `${kib}k`
}

function nginxLocations(tenant: TenantConfig, upstream: string): string {
  const { root } = tenant
  if (root === undefined) {
    return `    # Every path: what is published.
    location / {
        fastcgi_pass ${upstream};
    }
`
  }
  return `    root ${quoted(root)};
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;

    # Files that are there are nginx's own; any other path may be published.
    location / {
        try_files $uri $uri/index.html @${upstream};
    }
    location @${upstream} {
        fastcgi_pass ${upstream};
    }
    # Programs in the document root, and paths behind them.
    location ~ [^/]${endingsPattern(tenant)}(/|$) {
        fastcgi_pass ${upstream};
    }
`
}

/** A virtual host for mod_proxy_fcgi. */
export function apacheSnippet(tenant: TenantConfig, pool: PoolConfig): string {
  const [first = 'localhost', ...others] = serverNames(tenant)
  const names = [
    `    ServerName ${first.startsWith('*') ? 'localhost' : first}`,
    ...(first.startsWith('*') ? [first, ...others] : others).map(
      (host) => `    ServerAlias ${host}`,
    ),
  ]
  return `# a2enmod proxy_fcgi
<VirtualHost *:80>
${names.join('\n')}
    SetEnv WASM_FPM_TENANT ${quoted(tenant.name)}
${apacheHandover(tenant, apacheAddress(pool.listen[0]))}</VirtualHost>
`
}

function apacheHandover(tenant: TenantConfig, { url, worker }: ApacheAddress): string {
  const { root } = tenant
  if (root === undefined) {
    return `    <Location "/">
        CGIPassAuth On
    </Location>
    # Every path: what is published. A kept connection holds no instance of wasm-fpm.
    ProxyPass "/" "${url}" enablereuse=on flushpackets=on
`
  }
  return `    DocumentRoot ${quoted(root)}
    <Directory ${quoted(root)}>
        Require all granted
        AcceptPathInfo On
        CGIPassAuth On
    </Directory>
    <FilesMatch "${endingsPattern(tenant)}$">
        SetHandler "proxy:${url}"
    </FilesMatch>
    # Files that are there are Apache's own; any other path may be published.
    <If "! -f %{REQUEST_FILENAME} && ! -f '%{REQUEST_FILENAME}/index.html'">
        SetHandler "proxy:${url}"
    </If>
    # A kept connection holds no instance of wasm-fpm.
    <Proxy "${worker}" enablereuse=on flushpackets=on>
    </Proxy>
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

interface ApacheAddress {
  readonly url: string
  readonly worker: string
}

function apacheAddress(address: ListenAddress | undefined): ApacheAddress {
  if (address?.kind === 'tcp') {
    const url = `fcgi://${hostAndPort(address)}/`
    return { url, worker: url }
  }
  const path = address?.kind === 'unix' ? address.path : '/run/wasm-fpm/www.sock'
  return { url: `unix:${path}|fcgi://wasm-fpm/`, worker: 'fcgi://wasm-fpm/' }
}

/** All addresses of a machine are no address to connect to. */
function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  if (host === '::' || host === '0.0.0.0') return `127.0.0.1:${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function quoted(text: string): string {
  return /^[A-Za-z0-9._/:-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}
