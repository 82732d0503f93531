/** What the web servers do differently, so that one list of cases can say what to expect of each. */
import type { PeerName } from '../support/peers/peer.ts'

export interface Traits {
  /** What it may answer to a chunked request body instead of passing it on. */
  readonly refusesChunked: readonly number[]
  /** Tells its client when the backend breaks off in mid-body without a declared length. */
  readonly noticesBrokenBody: boolean
  /** The same, when the guest declared a Content-Length. */
  readonly noticesShortBody: boolean
  /** Sends the query string as the client did. */
  readonly rawQuery: boolean
  /** Passes the Authorization header on. */
  readonly passesAuthorization: boolean
  /** Statuses a 301 of the guest's may arrive as. */
  readonly redirect: readonly number[]
  /** Answers to a request header of 300 KiB; `wasm-fpm` answers 431 where the server lets it through. */
  readonly largeHeader: readonly number[]
}

const USUAL: Traits = {
  refusesChunked: [],
  noticesBrokenBody: true,
  noticesShortBody: true,
  rawQuery: true,
  passesAuthorization: true,
  redirect: [301],
  largeHeader: [400],
}

export const TRAITS: Readonly<Record<PeerName, Traits>> = {
  nginx: USUAL,
  apache: { ...USUAL, passesAuthorization: false },
  lighttpd: {
    ...USUAL,
    refusesChunked: [411],
    rawQuery: false,
    noticesBrokenBody: false,
    largeHeader: [431],
  },
  caddy: { ...USUAL, noticesBrokenBody: false, largeHeader: [431] },
  // HAProxy 2.6 makes a 302 of a Location that comes after the Status.
  haproxy: { ...USUAL, refusesChunked: [400], passesAuthorization: false },
  h2o: { ...USUAL, noticesBrokenBody: false, largeHeader: [431] },
}
