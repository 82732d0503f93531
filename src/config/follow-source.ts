/** A store of releases elsewhere: value of a key. */
import { text } from './config-key.ts'

export const followSource = text(
  '"dir:/PATH", "https://HOST/PATH", "oci://HOST/REPOSITORY:TAG" or "tls://HOST,HOST/BUCKET" (http:// and nats:// on this machine only); a name and password in `env_file`',
  (value) => /^dir:\/[^\0]*$/.test(value) || NATS.test(value) || isAddress(value),
)

const LOOPBACK = String.raw`(?:localhost|127\.[0-9.]+|\[::1\])(?::[0-9]{1,5})?`
const NATS = new RegExp(
  `^(?:tls://[^/@?#\\s]+|nats://${LOOPBACK}(?:,${LOOPBACK})*)/[A-Za-z0-9_-]{1,64}$`,
)

const ADDRESS = /^(?:https:|oci:|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])[:/])[^?#\s]*$/

function isAddress(value: string): boolean {
  const url = ADDRESS.test(value) ? URL.parse(value) : null
  return url !== null && url.username === '' && url.password === ''
}
