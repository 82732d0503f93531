/** Big, slow, long and broken-off exchanges: they stream, and wasm-fpm's memory stays flat. */
import { expect } from 'vitest'
import { askAndLeave, askAndStall } from '../support/peers/http-client.ts'
import { HttpConnection } from '../support/peers/http-connection.ts'
import type { WasmFpm } from '../support/peers/wasm-fpm.ts'
import type { PeerCase } from './case.ts'

const TRANSFER_BYTES = 256 * 1024 * 1024

/**
 * How much wasm-fpm's memory may grow while it moves `TRANSFER_BYTES`. Its heap grows by about 75 MiB until the first
 * collections, however much is moved; a body that is kept anywhere takes at least twice the limit.
 */
const MAX_GROWTH_BYTES = 128 * 1024 * 1024

const SEQUENTIAL_REQUESTS = 10_000

const CHUNK_BYTES = 1 << 20
const CHUNK = Buffer.alloc(CHUNK_BYTES, 'a chunk of an upload, over and over. ')

export const STREAM_CASES: readonly PeerCase[] = [
  {
    name: 'a 256 MiB upload streams',
    run: async ({ ask, wasmFpm }) => {
      const memory = watchMemory(wasmFpm)
      const answer = await ask('/c/upload.wasm', {
        method: 'POST',
        headers: { 'Content-Length': TRANSFER_BYTES },
        body: upload(memory.look),
        timeoutMs: 50_000,
      })
      const text = `bytes=${TRANSFER_BYTES} fnv1a=${uploadChecksum()}\n`
      expect(answer).toMatchObject({ status: 200, text, ending: 'complete' })
      expect(memory.growthBytes()).toBeLessThan(MAX_GROWTH_BYTES)
    },
  },
  {
    name: 'a 256 MiB download streams',
    run: async ({ ask, wasmFpm }) => {
      const memory = watchMemory(wasmFpm)
      let bytes = 0
      let wrong = 0
      let nextLook = 0
      const answer = await ask(`/c/download.wasm?n=${TRANSFER_BYTES}`, {
        timeoutMs: 50_000,
        onBody: (chunk) => {
          if (chunk[0] !== bytes % 251) wrong++
          bytes += chunk.length
          if (chunk[chunk.length - 1] !== (bytes - 1) % 251) wrong++
          if (bytes > nextLook) {
            memory.look()
            nextLook = bytes + 8 * CHUNK_BYTES
          }
        },
      })
      expect(answer).toMatchObject({ status: 200, ending: 'complete' })
      expect({ bytes, wrong }).toEqual({ bytes: TRANSFER_BYTES, wrong: 0 })
      expect(memory.growthBytes()).toBeLessThan(MAX_GROWTH_BYTES)
    },
  },
  {
    name: 'what a guest prints arrives as it prints it',
    run: async ({ ask }) => {
      const pieces: string[] = []
      // A second apart: on a machine that is busy, less can arrive in one piece after all.
      const answer = await ask('/c/slow.wasm?n=2&ms=1000', {
        onBody: (chunk) => pieces.push(chunk.toString()),
      })
      expect(answer).toMatchObject({ status: 200, ending: 'complete' })
      expect(pieces).toEqual(['line 1 of 2\n', 'line 2 of 2\n'])
    },
  },
  {
    name: '10,000 requests one after the other on one connection',
    run: async ({ peer }) => {
      const connection = await HttpConnection.open(peer.port)
      let good = 0
      for (let count = 0; count < SEQUENTIAL_REQUESTS; count++) {
        if ((await connection.get('/c/hello.wasm')).includes('\r\n\r\nHello from C\n')) good++
      }
      connection.close()
      expect(good).toBe(SEQUENTIAL_REQUESTS)
    },
  },
  {
    name: 'a client that leaves in mid-answer stops its guest',
    run: async ({ peer, wasmFpm }) => {
      const from = wasmFpm.logs().length
      await askAndLeave(peer.port, '/c/slow.wasm?n=100000&ms=20', 2)
      expect(await wasmFpm.logged(/slow\.wasm/, from)).toMatch(/abort/i)
    },
  },
  {
    name: 'a client that reads slowly holds up nobody else, and no memory',
    run: async ({ ask, peer, wasmFpm }) => {
      const memory = watchMemory(wasmFpm)
      const slow = await askAndStall(peer.port, `/c/download.wasm?n=${TRANSFER_BYTES}`)
      for (let count = 0; count < 200; count++) {
        expect((await ask('/c/hello.wasm')).status).toBe(200)
        if (count % 20 === 0) memory.look()
      }
      expect(await slow.resume()).toBe(TRANSFER_BYTES)
      expect(memory.growthBytes()).toBeLessThan(MAX_GROWTH_BYTES)
    },
  },
]

function* upload(onChunk: () => void): Iterable<Uint8Array> {
  for (let sent = 0; sent < TRANSFER_BYTES; sent += CHUNK_BYTES) {
    if (sent % (8 * CHUNK_BYTES) === 0) onChunk()
    yield CHUNK
  }
}

let knownChecksum: string | undefined

/** FNV-1a, 32 bit, of the whole upload. */
function uploadChecksum(): string {
  if (knownChecksum !== undefined) return knownChecksum
  let checksum = 2166136261
  for (const chunk of upload(() => undefined)) {
    for (const byte of chunk) checksum = Math.imul(checksum ^ byte, 16777619)
  }
  knownChecksum = (checksum >>> 0).toString(16).padStart(8, '0')
  return knownChecksum
}

interface MemoryWatch {
  readonly look: () => void
  /** The most it has grown since the watch began, over all looks and now. */
  growthBytes(): number
}

function watchMemory(wasmFpm: WasmFpm): MemoryWatch {
  const before = wasmFpm.memoryBytes()
  let most = before
  const look = (): void => {
    most = Math.max(most, wasmFpm.memoryBytes())
  }
  return {
    look,
    growthBytes: () => {
      look()
      return most - before
    },
  }
}
