/** A certificate authority for one occasion, and a certificate of it for some addresses. Takes openssl. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  /** Paths of PEM files. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** `addresses`: IP addresses that the certificate is for. */
export function makeCertificates(folder: string, addresses: readonly string[]): Certificates {
  const path = (name: string): string => join(folder, name)
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', [...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const keyOptions = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    ...['req', '-x509', ...keyOptions, '-days', '2', '-subj', '/CN=a fleet'],
    ...['-keyout', path('ca-key.pem'), '-out', path('ca.pem')],
  )
  openssl(
    ...['req', ...keyOptions, '-subj', '/CN=nats'],
    ...['-keyout', path('key.pem'), '-out', path('request.pem')],
  )
  const names = addresses.map((address) => `IP:${address}`).join(',')
  writeFileSync(path('names.cnf'), `subjectAltName=${names}\n`)
  openssl(
    ...['x509', '-req', '-days', '2', '-CAcreateserial', '-extfile', path('names.cnf')],
    ...['-in', path('request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca-key.pem')],
    ...['-out', path('certificate.pem')],
  )
  return { ca: path('ca.pem'), certificate: path('certificate.pem'), key: path('key.pem') }
}
