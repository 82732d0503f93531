/** Registries that lie, stall, and send more than anybody asked for. Whatever they do, nothing is left in the folder. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Behaviour,
  digest,
  MANIFEST_TYPE,
  manifestOf,
  serve,
  serveBlobs,
  serveManifest,
} from './fake-registry.ts'
import { archive, LIMITS, MODULE, usePullPlace, WASM } from './pull-place.ts'
import { tarGz } from './tar-bytes.ts'

const place = usePullPlace()
const { start, pull, refused } = place

describe('what other tools push', () => {
  const TYPES = [
    'application/wasm',
    'application/vnd.wasm.content.layer.v1+wasm',
    'application/vnd.module.wasm.content.layer.v1+wasm',
  ]
  test.each(TYPES)('a module of type %s', async (mediaType) => {
    const { path } = await pull(await start(...serve([{ ...WASM, mediaType }])))
    expect(path).toBe(join(place.into, 'shop.wasm'))
    expect(readFileSync(path)).toEqual(MODULE)
  })

  test('a module beside layers of other kinds', async () => {
    const other = { mediaType: 'application/vnd.example.policy', bytes: Buffer.from('policy') }
    const registry = await start(...serve([other, WASM]))
    expect((await pull(registry)).bytes).toBe(MODULE.length)
    expect(registry.asked.some(({ path }) => path.includes(digest(other.bytes)))).toBe(false)
  })

  test('a module in the one layer of an image', async () => {
    const bytes = tarGz({ path: './', type: '5' }, { path: './plugin.wasm', contents: MODULE })
    const { path } = await pull(await start(...serve([archive(bytes)])))
    expect(readdirSync(path)).toEqual(['plugin.wasm'])
  })

  test('an index with something for us', async () => {
    const manifest = manifestOf([WASM])
    const entry = (architecture: string, os: string, bytes: Uint8Array) => ({
      mediaType: MANIFEST_TYPE,
      digest: digest(bytes),
      size: bytes.length,
      platform: { architecture, os },
    })
    const other = Buffer.from('other')
    const manifests = [
      entry('amd64', 'linux', other),
      entry('wasm', 'wasip2', other),
      entry('wasm', 'wasip1', manifest),
    ]
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))
    const type = 'application/vnd.oci.image.index.v1+json'
    const registry = await start(
      ({ path }, response) => {
        if (!path.endsWith('/manifests/v1')) return false
        response.writeHead(200, { 'content-type': type }).end(index)
        return true
      },
      ({ path }, response) => {
        if (!path.endsWith(`/manifests/${digest(manifest)}`)) return false
        response.writeHead(200, { 'content-type': MANIFEST_TYPE }).end(manifest)
        return true
      },
      serveBlobs([WASM]),
    )
    expect((await pull(registry)).digest).toBe(digest(manifest))
  })
})

describe('manifests', () => {
  const layer = (said: object): Buffer => manifestOf([{ ...WASM, said }])
  const DIGEST = `sha256:${'0'.repeat(64)}`
  const index = (manifests: readonly object[]): Buffer =>
    Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }))
  const INDEX = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
  const CASES: readonly (readonly [
    name: string,
    bytes: Uint8Array,
    wanted: object,
    headers?: Readonly<Record<string, string>>,
  ])[] = [
    ['no JSON', Buffer.from('<html>'), { code: 'OCI_BAD_MANIFEST' }],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), { code: 'OCI_BAD_MANIFEST' }],
    ['nothing', Buffer.alloc(0), { code: 'OCI_BAD_MANIFEST' }],
    ['a list', Buffer.from('[]'), { code: 'OCI_BAD_MANIFEST' }],
    ['an old schema', manifestOf([WASM], { schemaVersion: 1 }), { code: 'OCI_BAD_MANIFEST' }],
    ['a page', manifestOf([WASM]), { code: 'OCI_BAD_MANIFEST' }, { 'content-type': 'text/html' }],
    [
      'two types at once',
      manifestOf([WASM], { mediaType: INDEX['content-type'] }),
      { code: 'OCI_BAD_MANIFEST' },
    ],
    ['a digest that is a path', layer({ digest: '../../x' }), { code: 'OCI_BAD_MANIFEST' }],
    [
      'another algorithm',
      layer({ digest: `sha512:${'0'.repeat(128)}` }),
      { code: 'OCI_BAD_MANIFEST' },
    ],
    ['a negative size', layer({ size: -1 }), { code: 'OCI_BAD_MANIFEST' }],
    ['half a byte', layer({ size: 7.5 }), { code: 'OCI_BAD_MANIFEST' }],
    ['a huge size', layer({ size: 1e300 }), { code: 'OCI_BAD_MANIFEST' }],
    [
      'a large module',
      layer({ size: LIMITS.moduleBytes + 1 }),
      { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'moduleBytes' } },
    ],
    [
      'a large archive',
      manifestOf([WASM, { ...archive(MODULE), said: { size: LIMITS.archiveBytes + 1 } }]),
      { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'archiveBytes' } },
    ],
    [
      'many layers',
      manifestOf(Array.from({ length: 17 }, () => WASM)),
      { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'layers' } },
    ],
    [
      'endless',
      Buffer.alloc(LIMITS.manifestBytes + 1, ' '),
      { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'manifestBytes' } },
    ],
    ['two modules', manifestOf([WASM, WASM]), { code: 'OCI_NO_MODULE' }],
    ['no layers', manifestOf([]), { code: 'OCI_NO_MODULE' }],
    [
      'an image of several layers',
      manifestOf([archive(MODULE), archive(MODULE)]),
      { code: 'OCI_NO_MODULE' },
    ],
    [
      'another digest than its header',
      manifestOf([WASM]),
      { code: 'OCI_DIGEST_MISMATCH' },
      { 'docker-content-digest': DIGEST },
    ],
    [
      'an index without us',
      index([
        {
          mediaType: MANIFEST_TYPE,
          digest: DIGEST,
          size: 1,
          platform: { architecture: 'amd64', os: 'linux' },
        },
      ]),
      { code: 'OCI_NO_MODULE', message: expect.stringContaining('linux/amd64') },
      INDEX,
    ],
    [
      'an index of indexes',
      index([
        {
          mediaType: INDEX['content-type'],
          digest: DIGEST,
          size: 1,
          platform: { architecture: 'wasm', os: 'wasip1' },
        },
      ]),
      { code: 'OCI_NO_MODULE' },
      INDEX,
    ],
  ]
  test.for(CASES)('%s', async ([, bytes, wanted, headers]) => {
    await refused(await start(serveManifest(bytes, headers), serveBlobs([WASM])), wanted)
  })

  test('one with another digest than the one asked for', async () => {
    const registry = await start(...serve([WASM]))
    const other = digest(Buffer.from('other'))
    await expect(pull(registry, {}, `@${other}`)).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    })
    const right = digest(manifestOf([WASM]))
    expect((await pull(registry, {}, `:moved@${right}`)).digest).toBe(right)
    expect(registry.asked.some(({ path }) => path.includes('moved'))).toBe(false)
  })
})

describe('blobs', () => {
  const blob =
    (
      answer: (response: Parameters<Behaviour>[1], asked: Parameters<Behaviour>[0]) => void,
    ): Behaviour =>
    (asked, response) => {
      if (!asked.path.includes('/blobs/')) return false
      answer(response, asked)
      return true
    }
  const lying = (answer: Parameters<typeof blob>[0]) =>
    start(serveManifest(manifestOf([WASM])), blob(answer))

  test('other bytes', async () => {
    const registry = await lying((response) => response.end(Buffer.alloc(MODULE.length)))
    await refused(registry, { code: 'OCI_DIGEST_MISMATCH' })
    // It will not get better.
    expect(registry.asked.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(1)
  })

  test('fewer bytes', async () => {
    await refused(await lying((response) => response.end(MODULE.subarray(1))), {
      code: 'OCI_DIGEST_MISMATCH',
    })
  })

  test('bytes without an end', async () => {
    let isOpen = true
    const registry = await lying((response) => {
      response.on('close', () => {
        isOpen = false
      })
      const more = (): void => {
        while (isOpen && response.write(Buffer.alloc(65_536)));
      }
      response.on('drain', more)
      more()
    })
    await refused(registry, { code: 'OCI_DIGEST_MISMATCH' })
    await expect.poll(() => isOpen).toBe(false)
  })

  test('a connection that breaks is tried again, from the beginning', async () => {
    let tries = 0
    const registry = await lying((response) => {
      tries += 1
      response.writeHead(200, { 'content-length': MODULE.length })
      if (tries === 3) response.end(MODULE)
      else response.write(MODULE.subarray(0, 5), () => response.destroy())
    })
    expect(readFileSync((await pull(registry)).path)).toEqual(MODULE)
    expect(tries).toBe(3)
  })

  test('one that always breaks is given up', async () => {
    let tries = 0
    const registry = await lying((response) => {
      tries += 1
      response.writeHead(200, { 'content-length': MODULE.length })
      response.write(MODULE.subarray(0, 5), () => response.destroy())
    })
    await refused(registry, { code: 'OCI_UNREACHABLE' })
    expect(tries).toBe(LIMITS.tries)
  })

  test('an overloaded registry is asked again, when it says', async () => {
    let tries = 0
    const registry = await lying((response) => {
      tries += 1
      if (tries === 2) response.end(MODULE)
      // An hour: longer than anybody waits here.
      else response.writeHead(429, { 'retry-after': '3600' }).end()
    })
    expect(readFileSync((await pull(registry)).path)).toEqual(MODULE)
  })

  test('a broken one is given up', async () => {
    const registry = await lying((response) => response.writeHead(502).end('<html>'))
    await refused(registry, { code: 'OCI_BUSY', details: { status: 502 } })
    expect(registry.asked.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(LIMITS.tries)
  })

  test('silence', async () => {
    const registry = await lying((response) => {
      response.writeHead(200).write(MODULE.subarray(0, 3))
    })
    await refused(
      registry,
      { code: 'OCI_TIMEOUT', details: { limit: 'idleMs' } },
      { idleMs: 50, tries: 2 },
    )
  })

  test('no answer at all', async () => {
    const registry = await start(() => true)
    await refused(registry, { code: 'OCI_TIMEOUT' }, { idleMs: 50, tries: 1 })
  })

  test('a byte now and then', async () => {
    const timers: NodeJS.Timeout[] = []
    const dripping = await start(
      serveManifest(manifestOf([{ ...WASM, said: { size: 1_000_000 } }])),
      blob((response) => timers.push(setInterval(() => response.write('x'), 5))),
    )
    await refused(dripping, { code: 'OCI_TIMEOUT' }, { idleMs: 2_000, totalMs: 150 })
    for (const timer of timers) clearInterval(timer)
  })

  test('slow, and yet it moves', async () => {
    const bytes = Buffer.concat([MODULE, Buffer.alloc(32)])
    const layer = { ...WASM, bytes }
    const registry = await start(
      serveManifest(manifestOf([layer])),
      blob((response) => {
        let sent = 0
        const timer = setInterval(() => {
          response.write(bytes.subarray(sent, sent + 1))
          sent += 1
          if (sent < bytes.length) return
          clearInterval(timer)
          response.end()
        }, 20)
      }),
    )
    const { path } = await pull(registry, { limits: { ...LIMITS, idleMs: 400, tries: 1 } })
    expect(readFileSync(path)).toEqual(bytes)
  })

  test('a caller who gives up', async () => {
    const registry = await start(() => true)
    const stop = new AbortController()
    const pulling = pull(registry, { signal: stop.signal })
    await expect.poll(() => registry.asked.length).toBe(1)
    stop.abort()
    await expect(pulling).rejects.toMatchObject({ code: 'OCI_TIMEOUT' })
    expect(readdirSync(place.into)).toEqual([])
  })

  test('a host that is not there is not asked again', async () => {
    const registry = await start()
    await registry.stop()
    await refused(registry, { code: 'OCI_UNREACHABLE' })
  })

  test('words of a registry do not reach the terminal as they are', async () => {
    const errors = [{ code: 'DENIED', message: '\x1b[2Jbad\r\nnews \u202e' }]
    const registry = await start((_asked, response) => {
      response.writeHead(403).end(JSON.stringify({ errors }))
      return true
    })
    await refused(registry, {
      code: 'OCI_DENIED',
      message: expect.stringContaining('(DENIED: [2Jbad news)'),
    })
  })
})

describe('redirects', () => {
  const redirect =
    (location: string | undefined): Behaviour =>
    ({ path }, response) => {
      if (!path.includes('/blobs/')) return false
      response.writeHead(307, location === undefined ? {} : { location }).end()
      return true
    }

  test('a blob may be on another host, which is told nothing', async () => {
    const storage = await start((_asked, response) => {
      response.end(MODULE)
      return true
    })
    const challenge: Behaviour = ({ headers }, response) => {
      if (headers.authorization === 'Basic dTpw') return false
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      return true
    }
    const registry = await start(
      challenge,
      serveManifest(manifestOf([WASM])),
      redirect(`http://localhost:${storage.port}/some/where?signature=x`),
    )
    const { path } = await pull(registry, { credentials: { username: 'u', password: 'p' } })
    expect(readFileSync(path)).toEqual(MODULE)
    expect(storage.asked).toHaveLength(1)
    expect(storage.asked[0]?.path).toBe('/some/where?signature=x')
    expect(storage.asked[0]?.headers.authorization).toBeUndefined()
  })

  const PLACES: readonly (readonly [name: string, location: string | undefined, code: string])[] = [
    ['nowhere', undefined, 'OCI_BAD_ANSWER'],
    ['a file', 'file:///etc/passwd', 'OCI_BAD_ANSWER'],
    ['somebody', 'http://user@127.0.0.1/', 'OCI_BAD_ANSWER'],
    ['nonsense', 'http://[', 'OCI_BAD_ANSWER'],
    ['plain http elsewhere', 'http://storage.example/', 'OCI_PLAIN_HTTP'],
    ['itself', '/v2/x/blobs/y', 'OCI_BAD_ANSWER'],
  ]
  test.each(PLACES)('to %s', async (_name, location, code) => {
    const registry = await start(serveManifest(manifestOf([WASM])), redirect(location))
    await refused(registry, { code })
    expect(registry.asked.length).toBeLessThan(LIMITS.redirects + 4)
  })
})
