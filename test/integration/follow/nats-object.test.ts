/** Objects that are written here are what the library of object stores reads, and what is broken off leaves nothing. */
import { randomBytes } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { expect, onTestFinished, test } from 'vitest'
import { openNats } from '../../../src/follow/nats-link.ts'
import { putObject } from '../../../src/follow/nats-object.ts'
import { addressOf, BUCKET, OPTIONS } from '../../support/follow/nats-place.ts'
import { hasNats, NatsServer } from '../../support/follow/nats-server.ts'

/** Of a piece. */
const CHUNK = 512 * 1024

const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK + 7]

const natsTest = test.skipIf(!hasNats())

async function bucketOfItsOwn() {
  const server = await NatsServer.start()
  const link = await openNats(addressOf(server.address), OPTIONS)
  onTestFinished(() => link.connection.close())
  const objects = await new Objm(link.client).create(BUCKET)
  const pieces = async (): Promise<number> => {
    const streams = (await jetstreamManager(link.connection)).streams
    const filter = { subjects_filter: `$O.${BUCKET}.C.>` }
    const { state } = await streams.info(`OBJ_${BUCKET}`, filter)
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
  }
  return { link, objects, pieces }
}

/** In parts that are no pieces. */
async function* partsOf(bytes: Uint8Array, failure?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_003) yield bytes.subarray(at, at + 100_003)
  if (failure !== undefined) throw failure
}

natsTest('the library reads what was written, of any size', async () => {
  const { link, objects } = await bucketOfItsOwn()
  for (const size of SIZES) {
    const bytes = randomBytes(size)
    const object = { name: `${size}`, contents: partsOf(bytes), replaced: undefined }
    await putObject(link, BUCKET, object)
    // It compares the digest.
    const read = await objects.getBlob(`${size}`)
    expect(Buffer.compare(read ?? Buffer.alloc(1), bytes)).toBe(0)
    expect(await objects.info(`${size}`)).toMatchObject({ size, chunks: Math.ceil(size / CHUNK) })
  }
})

natsTest('what is replaced and what is broken off leaves no pieces', async () => {
  const { link, objects, pieces } = await bucketOfItsOwn()
  const put = (bytes: Uint8Array, failure?: Error, replaced?: string): Promise<void> =>
    putObject(link, BUCKET, { name: 'a', contents: partsOf(bytes, failure), replaced })
  await put(randomBytes(3 * CHUNK))
  const before = await objects.info('a')
  expect(await pieces()).toBe(3)
  await expect(put(randomBytes(9 * CHUNK), new Error('unreadable'))).rejects.toThrow('unreadable')
  expect(await pieces()).toBe(3)
  expect(await objects.info('a')).toEqual(before)
  const bytes = randomBytes(2 * CHUNK)
  await put(bytes, undefined, before?.nuid)
  expect(await pieces()).toBe(2)
  expect(Buffer.compare((await objects.getBlob('a')) ?? Buffer.alloc(1), bytes)).toBe(0)
})
