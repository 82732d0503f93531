import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { parsePublicKey, readSigners } from '../../../src/store/public-key.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { isSignedBy, signRelease } from '../../../src/store/signature.ts'
import { createSigningKey, readSigningKey } from '../../../src/store/signing-key.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from './drafts.ts'

let root = ''
let store: DirectoryStore
let reader: ReleaseReader
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-sign-'))
  store = await DirectoryStore.make(join(root, 'store'), { clock: systemClock })
  reader = await ReleaseReader.open(join(root, 'store'), { clock: systemClock })
})
afterEach(async () => {
  await reader.close()
  rmSync(root, { recursive: true })
})

const { key: ALICE, pem: ALICE_PEM } = createSigningKey()
const { key: BOB } = createSigningKey()
const FILES = { 'index.html': 'hello', 'a/b.css': 'style' }

// RFC 8032, section 7.1, test 1: the secret and the public key.
const RFC_PEM = pemOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
const RFC_PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'

/** RFC 8410: a private key is these 16 bytes, then its 32. */
function pemOf(secret: string): string {
  const der = Buffer.from(`302e020100300506032b657004220420${secret}`, 'hex')
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
}

function keyFile(pem: string, mode = 0o600): string {
  const path = join(root, 'key')
  writeFileSync(path, pem, { mode })
  chmodSync(path, mode)
  return path
}

async function signed(module = '1', key = ALICE, tenant = 'acme'): Promise<string> {
  const { release: digest } = await release(store, nodeFiles, { module, files: FILES, tenant })
  await store.putSignature(tenant, digest, signRelease(key, { tenant, release: digest }))
  return digest
}

async function verify(signers = [ALICE.publicKey], tenant = 'acme'): Promise<string> {
  // A reader of its own: nothing may be remembered.
  const [handler] = (await reader.current(tenant)).handlers
  if (handler === undefined) throw new Error('nothing is live')
  return reader.verify(handler, signers).then(
    () => 'good',
    (error: unknown) => String((error as { readonly code?: string }).code),
  )
}

test('a key from its file, and the signature that RFC 8032’s key makes of a text written by hand', async () => {
  const key = await readSigningKey(keyFile(RFC_PEM))
  const raw = Buffer.from(RFC_PUBLIC, 'hex')
  expect(key.publicKey.text).toBe(`ed25519:${raw.toString('base64')}`)
  // sha256sum of the 32 bytes.
  expect(key.publicKey.id).toBe('21fe31dfa154a261')
  const { bytes } = signRelease(key, { tenant: 'acme', release: 'ab'.repeat(32) })
  const { verify: check } = await import('node:crypto')
  const text = `wasm-fpm release v1\nacme\n${'ab'.repeat(32)}\n`
  expect(check(null, Buffer.from(text), key.publicKey.key, bytes)).toBe(true)
})

test('one signer of several is enough; another one’s, another tenant’s and another release’s are not', async () => {
  const digest = await signed()
  expect(await verify()).toBe('good')
  expect(await verify([BOB.publicKey, ALICE.publicKey])).toBe('good')
  expect(await verify([BOB.publicKey])).toBe('STORE_UNSIGNED')
  await release(store, nodeFiles, { module: '1', files: FILES, tenant: 'other' })
  expect(await verify([ALICE.publicKey], 'other')).toBe('STORE_UNSIGNED')
  const { id } = ALICE.publicKey
  const [mine, theirs] = ['acme', 'other'].map((one) => store.layout.signature(one, digest, id))
  mkdirSync(dirname(theirs ?? ''))
  copyFileSync(mine ?? '', theirs ?? '')
  expect(await verify([ALICE.publicKey], 'other')).toBe('STORE_BAD_SIGNATURE')
  const { release: second } = await release(store, nodeFiles, { module: '2' })
  expect(await verify()).toBe('STORE_UNSIGNED')
  copyFileSync(mine ?? '', store.layout.signature('acme', second, id))
  expect(await verify()).toBe('STORE_BAD_SIGNATURE')
  // Bob's signature under Alice's name.
  await store.putSignature('acme', second, signRelease(BOB, { tenant: 'acme', release: second }))
  const bobs = store.layout.signature('acme', second, BOB.publicKey.id)
  chmodSync(store.layout.signature('acme', second, id), 0o600)
  copyFileSync(bobs, store.layout.signature('acme', second, id))
  expect(await verify()).toBe('STORE_BAD_SIGNATURE')
  expect(await verify([ALICE.publicKey, BOB.publicKey])).toBe('good')
})

test('every changed, missing or added byte of what was signed is refused', async () => {
  const digest = await signed()
  const { layout } = store
  const { original, hardened, image } = await store.release(digest)
  const imageRoot = layout.image(image?.digest ?? '')
  const files = {
    signature: layout.signature('acme', digest, ALICE.publicKey.id),
    record: layout.release(digest),
    original: layout.blob(original?.digest ?? ''),
    hardened: layout.blob(hardened?.digest ?? ''),
    listing: layout.blob(image?.digest ?? ''),
    'index.html': join(imageRoot, 'index.html'),
    'a/b.css': join(imageRoot, 'a/b.css'),
  }
  for (const [name, path] of Object.entries(files)) {
    const good = readFileSync(path)
    chmodSync(path, 0o600)
    const variants = [
      ...Array.from(good, (_, at) => good.map((byte, index) => (index === at ? byte ^ 1 : byte))),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.from('\n')]),
      Buffer.alloc(0),
    ]
    for (const [index, bytes] of variants.entries()) {
      writeFileSync(path, bytes)
      const verdict = await verify().catch((error: unknown) =>
        String((error as { readonly code?: string }).code),
      )
      const wanted = name === 'signature' ? 'STORE_BAD_SIGNATURE' : 'STORE_DAMAGED'
      expect({ name, index, verdict }).toEqual({ name, index, verdict: wanted })
    }
    rmSync(path)
    expect(await verify().catch((error: { code: string }) => error.code)).not.toBe('good')
    writeFileSync(path, good)
    expect(await verify()).toBe('good')
  }
  writeFileSync(join(imageRoot, 'a/more.css'), '')
  expect(await verify()).toBe('STORE_DAMAGED')
})

test('signatures are checked by fsck, kept with their release, and collected with it', async () => {
  const one = await signed('1')
  const two = await signed('2', BOB)
  await signed('3')
  expect(await store.check()).toMatchObject({ problems: [], signatures: 3, leftovers: 0 })
  const path = store.layout.signature('acme', two, BOB.publicKey.id)
  chmodSync(path, 0o600)
  copyFileSync(store.layout.signature('acme', one, ALICE.publicKey.id), path)
  expect((await store.check()).problems).toMatchObject([
    { kind: 'damaged', subject: `signature of release ${two}` },
  ])
  writeFileSync(path, 'rubbish')
  expect((await store.check()).problems).toHaveLength(1)
  // Signing again mends it.
  await store.putSignature('acme', two, signRelease(BOB, { tenant: 'acme', release: two }))
  expect((await store.check()).problems).toEqual([])
  rmSync(store.layout.published('acme', one))
  expect(await store.check()).toMatchObject({ signatures: 2 })
  expect(await store.collect()).toMatchObject({ releases: 1, signatures: 1 })
  expect(await store.check()).toMatchObject({ problems: [], signatures: 2, leftovers: 0 })
})

test('a store from before there were signatures takes them; a release that is not listed is not signed', async () => {
  rmSync(store.layout.signatures, { recursive: true })
  await signed()
  expect(await verify()).toBe('good')
  const release = 'a'.repeat(64)
  await expect(
    store.putSignature('acme', release, signRelease(ALICE, { tenant: 'acme', release })),
  ).rejects.toMatchObject({ code: 'STORE_UNKNOWN_RELEASE' })
})

test('a live release that is signed is looked at again', async () => {
  const { release: one } = await release(store, nodeFiles, { module: '1' })
  const { release: two } = await release(store, nodeFiles, { module: '2' })
  const sign = async (digest: string): Promise<number> => {
    await store.putSignature(
      'acme',
      digest,
      signRelease(ALICE, { tenant: 'acme', release: digest }),
    )
    return (await store.state('acme')).sequence
  }
  expect(await sign(one)).toBe(2)
  expect(await sign(two)).toBe(3)
  await store.setCanary('acme', one, { weight: 10, sticky: true })
  const before = await store.state('acme')
  expect(await sign(one)).toBe(5)
  expect((await store.state('acme')).handlers).toEqual(before.handlers)
})

test('a store that knows the signers switches to nothing unsigned', async () => {
  const strict = await DirectoryStore.open(store.layout.root, {
    clock: systemClock,
    signersOf: async (tenant) => (tenant === 'acme' ? [ALICE.publicKey] : []),
  })
  const unsigned = { code: 'STORE_UNSIGNED' }
  const { release: one } = await release(store, nodeFiles, { module: '1' })
  const two = await signed('2')
  await expect(strict.rollBack('acme')).rejects.toMatchObject(unsigned)
  await expect(strict.rollBackFrom('acme', 'main', two)).rejects.toMatchObject(unsigned)
  await expect(strict.switchTo('acme', one)).rejects.toMatchObject(unsigned)
  const canary = { weight: 10, sticky: false }
  await expect(strict.setCanary('acme', one, canary)).rejects.toMatchObject(unsigned)
  await store.setCanary('acme', one, canary)
  await expect(strict.promote('acme')).rejects.toMatchObject(unsigned)
  // To get rid of one is always allowed.
  await strict.dropCanary('acme')
  await strict.putSignature('acme', one, signRelease(ALICE, { tenant: 'acme', release: one }))
  expect(await strict.setCanary('acme', one, canary)).toMatchObject({ canary: { release: one } })
  expect(await strict.promote('acme')).toMatchObject({ release: one })
  await release(strict, nodeFiles, { module: '1', tenant: 'other' })
})

const NO_KEYS = [
  { name: 'rubbish', make: () => keyFile('rubbish'), says: 'no private key in PEM' },
  {
    name: 'a key that others may read',
    make: () => keyFile(ALICE_PEM, 0o640),
    says: 'its rights are 0640, wanted 0600',
  },
  { name: 'nothing', make: () => join(root, 'none'), says: 'ENOENT' },
  { name: 'a folder', make: () => root, says: 'no file with a key' },
]

test.for(NO_KEYS)('$name is no private key', async ({ make, says }) => {
  await expect(readSigningKey(make())).rejects.toMatchObject({
    code: 'STORE_BAD_KEY',
    message: expect.stringContaining(says),
  })
})

const GOOD = ALICE.publicKey.text
const NO_PUBLIC_KEYS = [
  '',
  'ed25519:',
  GOOD.slice(0, -1),
  GOOD.replace('=', ''),
  `${GOOD} `,
  GOOD.replace('ed25519', 'rsa'),
  `ed25519:${Buffer.alloc(31).toString('base64')}`,
  `ed25519:${Buffer.alloc(33).toString('base64')}`,
]

test.for(NO_PUBLIC_KEYS)('%j is no public key', (text) => {
  expect(() => parsePublicKey(text)).toThrow(expect.objectContaining({ code: 'STORE_BAD_KEY' }))
})

test('every changed character of a public key is refused, or another key’s', async () => {
  const signed = { tenant: 'acme', release: 'a'.repeat(64) }
  const signature = signRelease(ALICE, signed)
  for (let at = 0; at < GOOD.length; at += 1) {
    const other = GOOD[at] === 'A' ? 'B' : 'A'
    const text = `${GOOD.slice(0, at)}${other}${GOOD.slice(at + 1)}`
    let isGood = false
    try {
      isGood = isSignedBy(parsePublicKey(text), signature, signed)
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_BAD_KEY' })
    }
    expect(isGood).toBe(false)
  }
})

test('signers are read from lines and from files', async () => {
  const path = join(root, 'alice.pub')
  writeFileSync(path, `${GOOD}\n`)
  const signers = await readSigners([BOB.publicKey.text, path])
  expect(signers.map(({ text }) => text)).toEqual([BOB.publicKey.text, GOOD])
  await expect(readSigners([join(root, 'none')])).rejects.toMatchObject({ code: 'STORE_BAD_KEY' })
  writeFileSync(path, 'rubbish')
  await expect(readSigners([path])).rejects.toMatchObject({ code: 'STORE_BAD_KEY' })
  expect(statSync(keyFile(ALICE_PEM)).mode & 0o777).toBe(0o600)
})
