/** Guesses what a peer speaks that does not speak FastCGI: the one log line about it should say what to repair. */

const HTTP_REQUEST = /^(?:[A-Z]{3,10}) [^\r\n]*/
const TLS_HANDSHAKE = 0x16
const TLS_MAJOR_VERSION = 3

/** Names the protocol of the first bytes of a connection, or undefined. */
export function foreignProtocol(bytes: Uint8Array): 'HTTP' | 'TLS' | 'PROXY' | undefined {
  if (bytes[0] === TLS_HANDSHAKE && bytes[1] === TLS_MAJOR_VERSION) return 'TLS'
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString(
    'latin1',
  )
  if (text.startsWith('PROXY ') || text.startsWith('\r\n\r\n\0\r\nQUIT')) return 'PROXY'
  return HTTP_REQUEST.test(text) ? 'HTTP' : undefined
}
