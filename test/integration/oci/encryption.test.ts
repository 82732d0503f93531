/** Certificates: whoever has none that counts gets nothing. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Behaviour, type FakeRegistry, manifestOf, serveManifest } from './fake-registry.ts'
import { MODULE, usePullPlace, WASM } from './pull-place.ts'

const place = usePullPlace()
const { start, pull, refused } = place

let keys = ''
let storage: Server
let port = 0
let connections = 0
let asked: (string | undefined)[] = []
let downgrade: string | undefined
beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-keys-'))
  const [key, certificate] = [join(keys, 'key.pem'), join(keys, 'certificate.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ],
    { stdio: 'pipe' },
  )
  storage = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (request, response) => {
      asked.push(request.headers.authorization)
      if (downgrade === undefined) response.end(MODULE)
      else response.writeHead(307, { location: downgrade }).end()
    },
  )
  storage.on('connection', () => {
    connections += 1
  })
  storage.listen(0, '127.0.0.1')
  await once(storage, 'listening')
  const address = storage.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
afterAll(async () => {
  storage.closeAllConnections()
  storage.close()
  await once(storage, 'close')
  rmSync(keys, { recursive: true })
})

/** A registry that has its blobs on the encrypted server. */
function startRegistry(name: string): Promise<FakeRegistry> {
  connections = 0
  asked = []
  const redirect: Behaviour = ({ path }, response) => {
    if (!path.includes('/blobs/')) return false
    response.writeHead(307, { location: `https://${name}:${port}/blob` }).end()
    return true
  }
  return start(serveManifest(manifestOf([WASM])), redirect)
}

test('a certificate that nobody vouches for', async () => {
  await refused(await startRegistry('localhost'), {
    code: 'OCI_UNREACHABLE',
    details: { systemCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  })
  expect(asked).toEqual([])
  // It does not become better by trying.
  expect(connections).toBe(1)
})

test('one that counts, for its name only', async () => {
  const before = getCACertificates()
  setDefaultCACertificates([...before, readFileSync(join(keys, 'certificate.pem'), 'utf8')])
  try {
    const { path } = await pull(await startRegistry('localhost'))
    expect(readFileSync(path)).toEqual(MODULE)
    rmSync(path)
    await refused(await startRegistry('127.0.0.1'), {
      code: 'OCI_UNREACHABLE',
      details: { systemCode: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    })
    const plain = await start(() => true)
    downgrade = `http://${plain.host}/blob`
    await refused(await startRegistry('localhost'), { code: 'OCI_PLAIN_HTTP' })
    expect(plain.asked).toEqual([])
  } finally {
    setDefaultCACertificates(before)
  }
})
