/** Whose certificates this machine trusts: where systems keep the list. */
import { existsSync } from 'node:fs'

/** Of Debian and Arch, Fedora, openSUSE, Alpine. */
const PLACES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** A PEM file; undefined: there is none. */
export function systemAuthorities(): string | undefined {
  return PLACES.find((path) => existsSync(path))
}
