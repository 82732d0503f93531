/** A registry of OCI artifacts in memory: what is pushed can be pulled, and be replaced by anything meanwhile. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Asked, Behaviour } from '../../integration/oci/fake-registry.ts'

export interface MemoryRegistry {
  /** By digest. */
  readonly blobs: Map<string, Uint8Array>
  /** By tag and by digest. */
  readonly manifests: Map<string, Uint8Array>
  readonly behaviour: Behaviour
}

export function memoryRegistry(): MemoryRegistry {
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, Uint8Array>()
  const give = (method: string, bytes: Uint8Array | undefined, response: ServerResponse): void => {
    if (bytes === undefined) {
      response.writeHead(404).end()
      return
    }
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    response.writeHead(200, { 'content-length': bytes.length, 'docker-content-digest': digest })
    response.end(method === 'HEAD' ? undefined : bytes)
  }
  const behaviour = ({ method, path, body }: Asked, response: ServerResponse): boolean => {
    const { pathname, searchParams } = new URL(path, 'http://registry')
    const [, kind = '', name = ''] = /\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? []
    if (method === 'POST') response.writeHead(202, { location: `${pathname}1` }).end()
    else if (method === 'PUT') {
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`
      if (kind === 'blobs') blobs.set(searchParams.get('digest') ?? '', body)
      else manifests.set(digest, body).set(name, body)
      response.writeHead(201).end()
    } else give(method, (kind === 'blobs' ? blobs : manifests).get(name), response)
    return true
  }
  return { blobs, manifests, behaviour }
}
