import { expect, test } from 'vitest'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import type { Manifest } from '../../../src/store/manifest.ts'
import { readManifest } from '../../../src/store/read-manifest.ts'

const units = { size: parseSize, duration: parseDuration }

function read(table: unknown, route?: string): Manifest {
  const bytes = Buffer.from(typeof table === 'string' ? table : JSON.stringify(table))
  return readManifest(bytes, { name: 'hello', route, units })
}

test('nothing at all means a handler for everything, probed with GET /', () => {
  expect(read('')).toEqual({
    name: 'hello',
    abi: 'cgi',
    routes: [{ path: '/', methods: undefined }],
    env: {},
    limits: {},
    probe: { method: 'GET', path: '/', headers: {}, body: '' },
  })
})

test('everything that can be said', () => {
  const manifest = read({
    name: 'shop',
    module: 'bin/shop.wasm',
    abi: 'cgi',
    routes: ['/shop/', { path: '/basket', methods: ['PUT', 'GET', 'PUT'] }],
    methods: ['POST', 'GET'],
    lifetime: 'fresh',
    env: { MODE: 'live' },
    limits: {
      memory: '32MiB',
      cpu: '500ms',
      wall: '5s',
      request_body: 1000,
      response_body: '1k',
    },
    files: 'public/www',
    probe: {
      method: 'POST',
      path: '/shop/health?deep=1',
      headers: { 'Content-Type': 'text/plain' },
      body: 'ping',
      status: 204,
      contains: 'ok',
    },
  })
  expect(manifest).toEqual({
    name: 'shop',
    module: 'bin/shop.wasm',
    abi: 'cgi',
    routes: [
      { path: '/shop', methods: ['GET', 'POST'] },
      { path: '/basket', methods: ['GET', 'PUT'] },
    ],
    lifetime: 'fresh',
    env: { MODE: 'live' },
    limits: {
      memoryBytes: 33_554_432,
      cpuMs: 500,
      wallMs: 5000,
      requestBodyBytes: 1000,
      responseBodyBytes: 1024,
    },
    files: 'public/www',
    probe: {
      method: 'POST',
      path: '/shop/health?deep=1',
      headers: { 'Content-Type': 'text/plain' },
      body: 'ping',
      status: 204,
      contains: 'ok',
    },
  })
})

const STATICS = [
  {
    written: { path: '/assets/' },
    read: [{ path: '/assets', folder: undefined, index: 'index.html', cacheControl: undefined }],
  },
  {
    written: [
      { path: '/', folder: 'www/pages', index: 'start.htm', cache_control: 'public, max-age=60' },
      { path: '/img', folder: 'img' },
    ],
    read: [
      {
        path: '/',
        folder: 'www/pages',
        index: 'start.htm',
        cacheControl: 'public, max-age=60',
      },
      { path: '/img', folder: 'img', index: 'index.html', cacheControl: undefined },
    ],
  },
]

test.for(STATICS)('static files: $written', ({ written, read: wanted }) => {
  expect(read({ files: 'public', routes: ['/api'], static: written }).statics).toEqual(wanted)
})

test('a folder of scripts: files stand in where none answers, and the command line may say what runs it', () => {
  const written = { runtime: 'php', static: { path: '/' }, front: 'index.php', warm: ['/', '/a?b'] }
  expect(read(written)).toMatchObject({
    ...{ runtime: 'php', front: 'index.php', warm: ['/', '/a?b'] },
    routes: [{ path: '/' }],
    statics: [{ path: '/', folder: undefined }],
  })
  const bytes = Buffer.from(JSON.stringify({ ...written, runtime: 'ruby' }))
  expect(readManifest(bytes, { name: 'x', runtime: 'php', units }).runtime).toBe('php')
})

const AUTO_ROLLBACKS = [
  { written: false, read: undefined },
  { written: true, read: { traps: 0.05, requests: 20, withinMs: 300_000 } },
  { written: {}, read: { traps: 0.05, requests: 20, withinMs: 300_000 } },
  {
    written: { traps: 0.5, requests: 3, within: '90s' },
    read: { traps: 0.5, requests: 3, withinMs: 90_000 },
  },
]

test.for(AUTO_ROLLBACKS)('auto_rollback $written', ({ written, read: wanted }) => {
  expect(read({ auto_rollback: written }).autoRollback).toEqual(wanted)
})

test('the [handler] table of wasm-fpm.toml says the same as wasm-fpm.json', () => {
  const toml = `
    [[tenant]]
    name = "somebody"
    [handler]
    name = "shop"
    routes = ["/shop", { path = "/basket", methods = ["PUT"] }]
    files = "public"
    limits = { memory = "32MiB", request_body = 1000 }
    auto_rollback = { traps = 0.1 }
    [[handler.static]]
    path = "/assets"
    [handler.env]
    MODE = "live"
  `
  const options = { name: 'hello', units, file: 'wasm-fpm.toml' } as const
  expect(readManifest(Buffer.from(toml), options)).toEqual(
    read({
      name: 'shop',
      routes: ['/shop', { path: '/basket', methods: ['PUT'] }],
      files: 'public',
      limits: { memory: '32MiB', request_body: 1000 },
      auto_rollback: { traps: 0.1 },
      static: [{ path: '/assets' }],
      env: { MODE: 'live' },
    }),
  )
})

const BAD_TOML = [
  { text: '[handler', says: 'Cannot read wasm-fpm.toml: Invalid TOML document' },
  { text: 'name = "x"', says: 'wanted a [handler] table' },
  { text: 'handler = 3', says: 'handler is 3, wanted a [handler] table' },
  { text: 'handler = "x"\nroute = "/x"', says: 'handler is "x", wanted a [handler] table' },
  { text: '[[handler]]', says: 'wanted a [handler] table' },
  {
    text: 'routes = ["/x"]\n[handler]',
    says: 'routes is not in the [handler] table, wanted it there',
  },
  { text: '[handler]\nsurprise = 1', says: 'surprise' },
  { text: '[handler]\nenv = { A = 2026-01-01 }', says: 'env: ' },
  { text: '[handler.__proto__]\nx = 1', says: 'Cannot read wasm-fpm.toml: ' },
]

test.for(BAD_TOML)('$text is refused', ({ text, says }) => {
  const options = { name: 'x', units, file: 'wasm-fpm.toml' } as const
  expect(() => readManifest(Buffer.from(text), options)).toThrow(says)
})

test('a route from the command line takes the place of all others', () => {
  expect(read({ routes: ['/a', '/b'] }, '/c').routes).toEqual([{ path: '/c', methods: undefined }])
})

test('the probe goes where the handler answers, with a method it has', () => {
  expect(read({ routes: ['/api'], methods: ['POST', 'PUT'] }).probe).toMatchObject({
    method: 'POST',
    path: '/api',
  })
})

const REFUSED = [
  { table: '{', says: 'wanted JSON in UTF-8' },
  { table: '[]', says: 'the whole: ' },
  { table: { surprise: 1 }, says: 'surprise: is not a key, wanted one of name, module, ' },
  { table: { rutes: ['/a'] }, says: 'rutes: is not a key: did you mean "routes"?' },
  { table: { probe: { stats: 200 } }, says: 'probe.stats: is not a key: did you mean "status"?' },
  { table: { limits: { mem: 1 } }, says: 'limits.mem: is not a key' },
  { table: { limits: { memroy: 1 } }, says: 'did you mean "memory"?' },
  {
    table: { auto_rollback: { trap: 0.1 } },
    says: 'auto_rollback.trap: is not a key: did you mean "traps"?',
  },
  {
    table: { static: [{ path: '/', foldr: 'x' }], files: 'x' },
    says: 'static.0.foldr: is not a key: did you mean "folder"?',
  },
  {
    table: { static: { path: '/', indx: 'x' }, files: 'x' },
    says: 'static.indx: is not a key: did you mean "index"?',
  },
  {
    table: { routes: [{ path: '/a', method: ['GET'] }] },
    says: 'routes.0.method: is not a key: did you mean "methods"?',
  },
  { table: { env: { A: 'shown', B: 5 } }, says: 'env: is a table, wanted' },
  { table: { name: '../x' }, says: 'name: is "../x", wanted 1 to 63 letters' },
  { table: { name: 'x'.repeat(64) }, says: 'name: is ' },
  { table: { abi: 'fastcgi' }, says: 'abi: is "fastcgi", wanted "cgi"' },
  { table: { module: '/etc/passwd' }, says: 'module: is "/etc/passwd", wanted a file below' },
  { table: { module: 'a/../../b' }, says: 'module: ' },
  { table: { files: '..' }, says: 'files: is "..", wanted a folder below' },
  { table: { files: '' }, says: 'files: ' },
  { table: { routes: [] }, says: 'routes: ' },
  { table: { routes: ['api'] }, says: 'routes.0: ' },
  { table: { routes: ['/a/../b'] }, says: 'routes.0: ' },
  { table: { routes: ['/a//b'] }, says: 'routes.0: ' },
  { table: { routes: ['/a%20b'] }, says: 'routes.0: ' },
  { table: { routes: ['/a', '/a/'] }, says: 'route "/a" is there twice' },
  { table: { routes: Array.from({ length: 65 }, (_, n) => `/${n}`) }, says: 'routes: ' },
  { table: { methods: ['get'] }, says: 'methods.0: is "get", wanted an upper-case' },
  { table: { methods: [] }, says: 'methods: ' },
  { table: { lifetime: 'forever' }, says: 'lifetime: is "forever", wanted "reset", "fresh"' },
  { table: { env: { 'A=B': '1' } }, says: 'env: ' },
  { table: { env: { A: 1 } }, says: 'env: ' },
  { table: { env: { A: 'x\0y' } }, says: 'env: ' },
  { table: { limits: { memory: 'much' } }, says: 'limits.memory: is "much", wanted a size' },
  { table: { limits: { cpu: 5 } }, says: 'limits.cpu: is 5, wanted a duration' },
  { table: { limits: { files: 5 } }, says: 'limits.files: is not a key' },
  { table: { static: { path: '/x' } }, says: '"static" is there without "files"' },
  { table: { runtime: 'a b' }, says: 'runtime: is "a b", wanted the name of a runtime' },
  {
    table: { runtime: 'php', module: 'x.wasm' },
    says: '"module" is there with "runtime", wanted one',
  },
  { table: { runtime: 'php', probe: {} }, says: '"probe" is there with "runtime", wanted none' },
  { table: { runtime: 'php', limits: { memory: '1MiB' } }, says: '"limits.memory" is there with' },
  { table: { runtime: 'php', lifetime: 'persistent' }, says: '"lifetime" is there with "runtime"' },
  { table: { runtime: 'php', routes: ['/a', '/a/'] }, says: 'route "/a" is there twice' },
  { table: { runtime: 'php', static: [{ path: '/' }, { path: '/' }] }, says: 'is there twice' },
  { table: { runtime: 'php', front: '../x' }, says: 'front: is "../x", wanted a file below' },
  { table: { runtime: 'php', warm: ['x'] }, says: 'warm: is ' },
  { table: { runtime: 'php', warm: Array(33).fill('/') }, says: 'wanted at most 32 paths' },
  { table: { runtime: 'python', app: 'a b' }, says: 'app: is "a b", wanted a name that' },
  { table: { app: 'a:b' }, says: '"app" is there without "runtime"' },
  {
    table: { runtime: 'python', app: 'a:b', front: 'x.py' },
    says: '"front" is there with "app"',
  },
  { table: { front: 'x.php' }, says: '"front" is there without "runtime"' },
  { table: { warm: ['/'] }, says: '"warm" is there without "runtime"' },
  { table: { files: 'a', static: [] }, says: 'static: ' },
  { table: { files: 'a', static: { path: 'x' } }, says: 'static' },
  { table: { files: 'a', static: { path: '/' } }, says: 'route "/" is there twice' },
  { table: { files: 'a', static: { path: '/x', folder: '../b' } }, says: 'static' },
  { table: { files: 'a', static: { path: '/x', index: 'a/b' } }, says: 'static' },
  { table: { files: 'a', static: { path: '/x', cache_control: 'a\r\nb: c' } }, says: 'static' },
  { table: { auto_rollback: 'yes' }, says: 'auto_rollback' },
  { table: { auto_rollback: { traps: 0 } }, says: 'auto_rollback' },
  { table: { auto_rollback: { traps: 1 } }, says: 'auto_rollback' },
  { table: { auto_rollback: { requests: 0 } }, says: 'auto_rollback' },
  { table: { auto_rollback: { within: 5 } }, says: 'auto_rollback' },
  { table: null, says: 'the whole: ' },
  { table: { probe: { path: 'x' } }, says: 'probe.path: ' },
  { table: { probe: { path: '/a b' } }, says: 'probe.path: ' },
  { table: { probe: { status: 99 } }, says: 'probe.status: ' },
  { table: { probe: { headers: { 'X Y': '1' } } }, says: 'probe.headers: ' },
] as const

test.for(REFUSED)('$table is refused', ({ table, says }) => {
  let message = ''
  try {
    read(table)
  } catch (error) {
    expect(error).toMatchObject({ code: 'STORE_BAD_MANIFEST' })
    message = String(error)
  }
  expect(message).toContain(says)
})

test('bytes that are no UTF-8 and manifests that are too long are refused', () => {
  const options = { name: 'x', units }
  expect(() => readManifest(Uint8Array.of(0x22, 0xff, 0x22), options)).toThrow('UTF-8')
  expect(() => readManifest(new Uint8Array(65_537).fill(0x20), options)).toThrow(
    'Cannot read wasm-fpm.json: manifestBytes is 65537, wanted at most 65536',
  )
})
