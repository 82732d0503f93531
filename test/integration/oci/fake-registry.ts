/** A registry in this process that does what a test tells it to, and remembers what it was asked. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'

export interface Asked {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Answers a request; false: it is not for this one. */
export type Behaviour = (asked: Asked, response: ServerResponse) => boolean | Promise<boolean>

export interface FakeRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly port: number
  readonly asked: Asked[]
  stop(): Promise<void>
}

/** Asks the behaviours one after the other; 404 when none answers. */
export async function startFake(...behaviours: readonly Behaviour[]): Promise<FakeRegistry> {
  const asked: Asked[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url: path = '', headers } = request
    const one: Asked = { method, path, headers, body: Buffer.concat(chunks) }
    asked.push(one)
    for (const behaviour of behaviours) if (await behaviour(one, response)) return
    response.writeHead(404).end()
  }
  const server = createServer((request, response) => {
    // A client that goes away in the middle is what some of the tests are about.
    answer(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Cannot listen')
  return {
    host: `127.0.0.1:${address.port}`,
    port: address.port,
    asked,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

export interface FakeLayer {
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly annotations?: Readonly<Record<string, string>>
  /** What the manifest says of it instead of the truth. */
  readonly said?: object
}

export function manifestOf(layers: readonly FakeLayer[], more: object = {}): Buffer {
  const table = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: {
      mediaType: 'application/vnd.wasm.config.v0+json',
      digest: digest(Buffer.from('{}')),
      size: 2,
    },
    layers: layers.map(({ mediaType, bytes, annotations, said }) => ({
      ...{ mediaType, digest: digest(bytes), size: bytes.length, annotations, ...said },
    })),
    ...more,
  }
  return Buffer.from(JSON.stringify(table))
}

/** Answers with a manifest under every version. */
export function serveManifest(
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return ({ path }, response) => {
    if (!path.includes('/manifests/')) return false
    response.writeHead(200, { 'content-type': MANIFEST_TYPE, ...headers }).end(bytes)
    return true
  }
}

/** Answers with blobs. */
export function serveBlobs(layers: readonly FakeLayer[]): Behaviour {
  return ({ path }, response) => {
    const found = layers.find(({ bytes }) => path.endsWith(`/blobs/${digest(bytes)}`))
    if (found === undefined) return false
    response.writeHead(200, { 'content-length': found.bytes.length }).end(found.bytes)
    return true
  }
}

/** All that a well-behaved registry does for a pull. */
export function serve(layers: readonly FakeLayer[], more: object = {}): readonly Behaviour[] {
  return [serveManifest(manifestOf(layers, more)), serveBlobs(layers)]
}
