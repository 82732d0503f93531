/** Pages that a guest writes for the first time are put back, whenever it does that: at once, after others' turn, or before it ends badly. */
import { beforeAll, expect, test } from 'vitest'
import { runToEnd } from '../../../src/guest/engine.ts'
import { makeMemories, memoryImports } from '../../../src/guest/guest-memory.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import { pageFaults } from '../../../src/guest/page-faults.ts'
import { MutableState } from '../../../src/guest/snapshot.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { compileGuest, grants, job } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const PAGES = 40
const [SLICE_MS, PAGE_BYTES] = [2, 4096]

/**
 * It ends with the number of pages, from the second on, that are not zeros. `random_get` says on which one it writes. It works before that, and after.
 */
const SOURCE = `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 8)
  (func $work (local $left i32)
    i32.const 300000 local.set $left
    loop
      local.get $left i32.const 1 i32.sub local.tee $left
      br_if 0
    end)
  (func (export "_start") (local $at i32) (local $found i32)
    (loop $each
      (local.set $at (i32.add (local.get $at) (i32.const ${PAGE_BYTES})))
      (local.set $found (i32.add (local.get $found) (i64.ne (i64.load (local.get $at)) (i64.const 0))))
      (br_if $each (i32.lt_u (local.get $at) (i32.const ${PAGES * PAGE_BYTES}))))
    (drop (call $random (i32.const 0) (i32.const 1)))
    (call $work)
    (i64.store (i32.mul (i32.load8_u (i32.const 0)) (i32.const ${PAGE_BYTES})) (i64.const -1))
    (call $work)
    (call $exit (local.get $found))))`

/** Time passes whenever somebody looks at it. */
class SteppingClock extends FakeClock {
  readonly #stepNs: bigint

  constructor(stepMs: number) {
    super()
    this.#stepNs = BigInt(stepMs * 1e6)
  }

  override nowMs(): number {
    this.ns += this.#stepNs
    return super.nowMs()
  }
}

let module: GuestModule

beforeAll(async () => {
  module = await compileGuest(wat(SOURCE))
})

for (const { name, stepMs } of [
  { name: 'without others', stepMs: 0 },
  { name: 'after others had their turn', stepMs: SLICE_MS },
])
  test(`${name}: each run finds zeros, whatever page the one before has written`, async () => {
    let turns = 0
    const clock = new SteppingClock(stepMs)
    const instance = new GuestInstance(module, clock)
    for (let page = 1; page <= PAGES; page += 1) {
      const given = grants({ random: (into) => into.fill(page) })
      const waitTurn = (wake: () => void): void => {
        turns += 1
        setImmediate(wake)
      }
      const changes = { grants: given, sliceMs: SLICE_MS, waitTurn, cpuMs: 1e9, wallMs: 1e9 }
      const { outcome } = await runToEnd(instance, job(changes))
      expect(outcome, `page ${page}`).toEqual({ kind: 'exited', code: 0 })
      expect(instance.reset()).toBe(true)
    }
    expect(turns > PAGES).toBe(stepMs > 0)
  })

type Write = () => void

const WAYS: ReadonlyArray<{ name: string; run: (state: MutableState, write: Write) => void }> = [
  {
    name: 'before it gives others their turn',
    run: (state, write) => {
      state.watch(write)
      state.pause()
    },
  },
  {
    name: 'when it goes on, before it ends',
    run: (state, write) => {
      state.watch(() => state.pause())
      state.goOn()
      write()
      state.endWatch()
    },
  },
  {
    name: 'when it goes on, before others have their turn again',
    run: (state, write) => {
      state.watch(() => state.pause())
      state.goOn()
      write()
      state.pause()
      state.goOn()
      state.endWatch()
    },
  },
  {
    name: 'before it throws',
    run: (state, write) => {
      const fail = (): never => {
        write()
        throw new Error('trap')
      }
      expect(() => state.watch(fail)).toThrow('trap')
    },
  },
]

for (const { name, run } of WAYS)
  test(`a page that a guest writes ${name} is put back`, async () => {
    const idle = await compileGuest(
      wat('(module (memory (export "memory") 8) (func (export "_start")))'),
    )
    const memories = makeMemories(idle)
    const { exports } = new WebAssembly.Instance(idle.module, memoryImports(memories))
    const bytes = new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer)
    const state = new MutableState(idle, memories, { exports })
    state.restore()
    for (let page = 1; page <= PAGES; page += 1) {
      pageFaults() // or those of the test itself would count
      run(state, () => bytes.fill(0xff, page * PAGE_BYTES, page * PAGE_BYTES + 8))
      expect(state.restore()).toBe(true)
      expect(bytes[page * PAGE_BYTES]).toBe(0)
    }
  })
