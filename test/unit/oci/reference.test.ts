import { expect, test } from 'vitest'
import {
  formatReference,
  isLoopback,
  nameOfReference,
  parseReference,
  registryUrl,
} from '../../../src/oci/reference.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

const GOOD: readonly (readonly [
  text: string,
  registry: string,
  repository: string,
  tag?: string | undefined,
  digest?: string,
])[] = [
  ['oci://ghcr.io/acme/shop:v1', 'ghcr.io', 'acme/shop', 'v1'],
  ['oci://ghcr.io/acme/shop', 'ghcr.io', 'acme/shop', 'latest'],
  ['oci://GHCR.io/acme/shop:V1', 'ghcr.io', 'acme/shop', 'V1'],
  ['oci://localhost:5000/a:1.0_b-c', 'localhost:5000', 'a', '1.0_b-c'],
  ['oci://[::1]:5000/a', '[::1]:5000', 'a', 'latest'],
  ['oci://127.0.0.1/a__b/c.d/e--f', '127.0.0.1', 'a__b/c.d/e--f', 'latest'],
  [`oci://r.example/a@${DIGEST}`, 'r.example', 'a', undefined, DIGEST],
  [`oci://r.example/a:t@${DIGEST}`, 'r.example', 'a', 't', DIGEST],
  ['oci://docker.io/hello:v1', 'docker.io', 'library/hello', 'v1'],
  [`oci://r.example/a:${'t'.repeat(128)}`, 'r.example', 'a', 't'.repeat(128)],
]

test.for(GOOD)('%s', ([text, registry, repository, tag, digest]) => {
  const reference = parseReference(text)
  expect(reference).toEqual({ registry, repository, tag, digest })
  expect(parseReference(formatReference(reference))).toEqual(reference)
})

const BAD = [
  'ghcr.io/acme/shop:v1',
  'https://ghcr.io/acme/shop:v1',
  'oci:ghcr.io/acme/shop',
  'oci://',
  'oci://ghcr.io',
  'oci://ghcr.io/',
  'oci:///acme/shop',
  'oci://user:word@ghcr.io/acme/shop',
  'oci://ghcr.io:/acme/shop',
  'oci://ghcr.io:99999/acme/shop',
  'oci://gh cr.io/acme/shop',
  'oci://-ghcr.io/acme/shop',
  'oci://ghcr..io/acme/shop',
  'oci://[::1/acme/shop',
  'oci://ghcr.io/Acme/shop',
  'oci://ghcr.io/acme//shop',
  'oci://ghcr.io/acme/shop/',
  'oci://ghcr.io/../shop',
  'oci://ghcr.io/acme/.shop',
  'oci://ghcr.io/acme/a..b',
  'oci://ghcr.io/acme/a___b',
  'oci://ghcr.io/acme/shop?x=1',
  'oci://ghcr.io/acme/shop#x',
  'oci://ghcr.io/acme/shop:',
  'oci://ghcr.io/acme/shop:.v1',
  'oci://ghcr.io/acme/shop:v1:v2',
  'oci://ghcr.io/acme/shop:v1/x',
  `oci://ghcr.io/acme/shop:${'t'.repeat(129)}`,
  'oci://ghcr.io/acme/shop@sha256:12',
  `oci://ghcr.io/acme/shop@${DIGEST.toUpperCase()}`,
  `oci://ghcr.io/acme/shop@sha512:${'0'.repeat(128)}`,
  `oci://ghcr.io/acme/shop@${DIGEST}@${DIGEST}`,
  `oci://ghcr.io/${'a'.repeat(250)}`,
  `oci://ghcr.io/acme/${'-'.repeat(5000)}`,
]

test.each(BAD)('%s is refused', (text) => {
  expect(() => parseReference(text)).toThrowError(
    expect.objectContaining({ code: 'OCI_BAD_REFERENCE' }),
  )
})

const URLS = [
  ['oci://ghcr.io/a', false, 'https://ghcr.io/v2/'],
  ['oci://ghcr.io:8443/a', false, 'https://ghcr.io:8443/v2/'],
  ['oci://docker.io/a', false, 'https://registry-1.docker.io/v2/'],
  ['oci://10.0.0.1:5000/a', false, 'https://10.0.0.1:5000/v2/'],
  ['oci://10.0.0.1:5000/a', true, 'http://10.0.0.1:5000/v2/'],
  ['oci://localhost:5000/a', false, 'http://localhost:5000/v2/'],
  ['oci://127.8.9.1:5000/a', false, 'http://127.8.9.1:5000/v2/'],
  ['oci://[::1]:5000/a', false, 'http://[::1]:5000/v2/'],
  ['oci://localhost:443/a', false, 'https://localhost/v2/'],
  ['oci://localhost.example/a', false, 'https://localhost.example/v2/'],
  ['oci://127.0.0.1.example/a', false, 'https://127.0.0.1.example/v2/'],
] as const

test.each(URLS)('%s (plain http: %s) is at %s', (text, plainHttp, url) => {
  expect(registryUrl(parseReference(text), plainHttp).href).toBe(url)
})

test('what counts as this machine', () => {
  // The last: how a parser of URLs writes 127.0.0.1 when it is written as one number.
  for (const host of ['localhost', '127.0.0.1', '[::1]', '2130706433']) {
    expect(isLoopback(new URL(`http://${host}/`))).toBe(true)
  }
  for (const host of ['1.127.0.0', '[::2]', 'localhost.example', '127.0.0.1.example', '0.0.0.0']) {
    expect(isLoopback(new URL(`http://${host}/`))).toBe(false)
  }
})

test('a handler is called as the last part of its repository', () => {
  expect(nameOfReference(parseReference('oci://ghcr.io/acme/shop:v1'))).toBe('shop')
  expect(nameOfReference(parseReference('oci://ghcr.io/shop'))).toBe('shop')
})
