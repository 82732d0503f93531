/** A store of releases elsewhere: value of a key. */
import { text } from './config-key.ts'

export const followSource = text(
  '"dir:/PATH", "https://HOST/PATH" (http:// on this machine only), or "oci://HOST/REPOSITORY:TAG"; a name and password in `env_file`',
  (value) => /^dir:\/[^\0]*$/.test(value) || isAddress(value),
)

const ADDRESS = /^(?:https:|oci:|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])[:/])[^?#\s]*$/

function isAddress(value: string): boolean {
  const url = ADDRESS.test(value) ? URL.parse(value) : null
  return url !== null && url.username === '' && url.password === ''
}
