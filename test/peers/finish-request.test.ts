/** A guest completes its answer and goes on, in each contract that can: the client has all of it, and the server's connection serves others. */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { componentWat, HELLO_WAT } from '../support/component-wat.ts'
import { ask } from '../support/peers/http-client.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'
import { wat } from '../support/wat.ts'

/** Answers, says with `end` that this is all, and goes on for as long as it may. `entry`: what its contract calls. */
const guest = (entry: string, end: string): Uint8Array =>
  wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasm_fpm" "finish_request" (func $finish (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\22\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0aanswered")
  (func (export "${entry}")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))
    (drop ${end})
    (loop (br 0))))`)

const CLOSE = '(call $close (i32.const 1))'
const FINISH = '(call $finish (i32.const 0))'

const FINISHES = '(call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 0))'
/** When it has finished the body of its answer it goes on. */
const GOES_ON = HELLO_WAT.replace(FINISHES, `${FINISHES} (loop (br 0))`)

const CASES = [
  { name: 'a command that closes its output', path: '/close.wasm' },
  { name: 'a command that calls finish_request', path: '/finish.wasm' },
  { name: 'a reactor', path: '/reactor.wasm' },
  { name: 'a program written for libfcgi', path: '/conduct.wasm?forever' },
  { name: 'a handler of wasi:http', path: '/http.wasm', text: '0 times before: /http.wasm' },
]

for (const peer of ['nginx', 'apache'] as const) {
  describe.skipIf(!isInstalled(peer))(peer, () => {
    let root: string
    let wasmFpm: WasmFpm
    let server: Peer

    beforeAll(async () => {
      const build = ['guests/build.ts', '--only', 'fcgi', '--require-all']
      await promisify(execFile)(process.execPath, build)
      root = mkdtempSync(join(tmpdir(), 'wasm-fpm-finish-'))
      chmodSync(root, 0o755)
      cpSync('build/guests/fcgi/conduct.wasm', join(root, 'conduct.wasm'))
      writeFileSync(join(root, 'close.wasm'), guest('_start', CLOSE))
      writeFileSync(join(root, 'finish.wasm'), guest('_start', FINISH))
      writeFileSync(join(root, 'http.wasm'), await componentWat(GOES_ON))
      writeFileSync(join(root, 'reactor.wasm'), guest('wasm_fpm_handle', FINISH))
      wasmFpm = await startWasmFpm({ root, limits: 'cpu = "2s"\n' })
      server = await startPeer(peer, {
        backend: wasmFpm.unix,
        keepAlive: true,
        streaming: false,
        documentRoot: root,
      })
    }, 120_000)

    afterAll(async () => {
      await server?.stop()
      await wasmFpm?.stop()
      rmSync(root, { recursive: true, force: true })
    })

    test.each(CASES)('$name', async ({ path, text = 'answered' }) => {
      const from = wasmFpm.logs().length
      const answer = await ask(server.port, path)
      expect(answer).toMatchObject({ status: 200, text, ending: 'complete' })
      // Others are served while it goes on.
      for (const body of ['one', 'two', 'three'])
        expect(
          await ask(server.port, '/conduct.wasm?echo', { method: 'POST', body: Buffer.from(body) }),
        ).toMatchObject({ status: 200, text: body, ending: 'complete' })
      expect(wasmFpm.logs().slice(from)).not.toContain('OUTCOME_CPU_EXCEEDED')
      await wasmFpm.logged(/OUTCOME_CPU_EXCEEDED/, from)
    })
  })
}
