/** `request_terminate_timeout_track_finished`: whether the wall limit holds after the response is complete. */
import { afterEach, expect, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

const CLOSE = '(drop (call $close (i32.const 1)))'

/** Prints a response, does `step`, sleeps for 1.5 s, and ends. */
const guest = (step: string) =>
  wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1e\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0adone")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))
    ${step}
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const 1500000000))
    (drop (call $poll (i32.const 256) (i32.const 400) (i32.const 1) (i32.const 200)))))`)

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

const CASES = [
  { name: 'finished and not tracked: it goes on', step: CLOSE, tracks: false, code: undefined },
  {
    name: 'finished and tracked: it is stopped',
    step: CLOSE,
    tracks: true,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'not finished and not tracked: it is stopped',
    step: '',
    tracks: false,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
] as const

for (const { name, step, tracks, code } of CASES) {
  test(name, async () => {
    const opened = new Site({
      files: { 'late.wasm': guest(step) },
      tenant: `request_terminate_timeout_track_finished = ${tracks}\n[tenant.limits]\nwall = "500ms"\n`,
    })
    site = opened
    const entry = await answeredBy(opened)
    expect(entry?.code).toBe(code)
    if (code === undefined) expect(entry?.wallMs).toBeGreaterThanOrEqual(1500)
    else expect(entry?.wallMs).toBeLessThan(1500)
  })
}

/** The first request may have to wait for the module for longer than the limit that is looked at. */
async function answeredBy(opened: Site) {
  for (let count = 1; ; count += 1) {
    await opened.request('/late.wasm')
    await expect.poll(() => opened.access.length).toBe(count)
    const entry = opened.access.at(-1)
    if (entry?.code !== 'POOL_QUEUE_TIMEOUT') return entry
  }
}
