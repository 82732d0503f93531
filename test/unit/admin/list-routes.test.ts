import { expect, test } from 'vitest'
import { listRoutes } from '../../../src/admin/list-routes.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { readManifest } from '../../../src/store/read-manifest.ts'
import type { Release } from '../../../src/store/release.ts'
import type { TenantState } from '../../../src/store/tenant-state.ts'

const [OLD, NEW, API] = ['a', 'b', 'c'].map((digit) => digit.repeat(64))

function release(manifest: object): Release {
  const bytes = { digest: OLD ?? '', bytes: 1 }
  const units = { size: Number, duration: Number }
  return {
    format: 1,
    manifest: readManifest(Buffer.from(JSON.stringify(manifest)), { name: 'x', units }),
    original: bytes,
    hardened: { ...bytes, contract: 1, memoryMaxBytes: 1, memories: 1, isResettable: true },
  }
}

const STORE = {
  state: (): Promise<TenantState> =>
    Promise.resolve({
      sequence: 4,
      handlers: {
        shop: {
          release: OLD ?? '',
          switchedAt: '',
          canary: { release: NEW ?? '', weight: 10, sticky: false, since: '' },
        },
        api: { release: API ?? '', switchedAt: '' },
      },
    }),
  release: (digest: string): Promise<Release> =>
    Promise.resolve(
      digest === API
        ? release({ routes: [{ path: '/api/v2', methods: ['GET'] }] })
        : release({ routes: ['/'] }),
    ),
}

const TENANT = parseConfig(
  `[[pool]]
name = "www"
listen = ["/run/www.sock"]
[[tenant]]
name = "acme"
hosts = ["acme.example"]
root = "/srv/acme"
limit_extensions = [".wasm", ".cgi"]
ping_path = "/ping"
ready_path = "/ready"
`,
  '/etc/wasm-fpm.toml',
).tenants[0] ?? { name: 'acme' }

test('own pages, published handlers with the longest route first, canaries, the document root', async () => {
  const rows = await listRoutes(TENANT, STORE)
  expect(
    rows.map(({ path, kind, target, methods, release: digest, weight }) => [
      ...[kind, path, target, methods?.join() ?? 'all', digest?.[0], weight],
    ]),
  ).toEqual([
    ['page', '/ping', 'ping page', 'all', undefined, undefined],
    ['page', '/ready', 'ready page', 'all', undefined, undefined],
    ['handler', '/api/v2', 'api', 'GET', 'c', undefined],
    ['handler', '/', 'shop', 'all', 'a', undefined],
    ['handler', '/', 'shop', 'all', 'b', 10],
    ['document-root', '/**/*.wasm /**/*.cgi', '/srv/acme', 'all', undefined, undefined],
  ])
  expect(rows[0]).toMatchObject({ tenant: 'acme', hosts: ['acme.example'] })
})

test('a store alone knows no hosts and no document root', async () => {
  const rows = await listRoutes({ name: 'acme' }, STORE)
  expect(rows.map(({ kind }) => kind)).toEqual(['handler', 'handler', 'handler'])
  expect(rows[0]).toMatchObject({ tenant: 'acme', hosts: [] })
})

test('nothing published, and nothing at all', async () => {
  expect((await listRoutes(TENANT, undefined)).map(({ kind }) => kind)).toEqual([
    'page',
    'page',
    'document-root',
  ])
  expect(await listRoutes({ name: 'empty' }, undefined)).toEqual([])
})
