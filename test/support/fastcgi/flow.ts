/** Pieces of the tests of a server connection's streams and requests. */
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { join } from './hex.ts'
import { begin, record, type SentRecord } from './records.ts'
import type { Peer } from './server-peer.ts'

export const NONE = new Uint8Array(0)
export const KIB = 1024

interface BeginOptions {
  readonly role?: number
  readonly flags?: number
}

/** BEGIN_REQUEST and all of PARAMS, which are empty. */
export const start = (id: number, options?: BeginOptions) =>
  join([begin(id, options), record(4, id)])

/** The same, and the end of STDIN. */
export const ask = (id: number, options?: BeginOptions) => join([start(id, options), record(5, id)])

/** The request that the application was told of last. */
export function only(server: Peer): FastCgiRequest {
  const request = server.requests.at(-1)
  if (request === undefined) throw new Error('no request')
  return request
}

/** What a stream of one request was sent. */
export const contentOf = (records: readonly SentRecord[], type: number, id: number) =>
  join(records.filter((sent) => sent.type === type && sent.id === id).map(({ content }) => content))
