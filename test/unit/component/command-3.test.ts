/** Commands of WASI 0.3: what they read and print are streams. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { answer, makeComponent } from '../../support/component-run.ts'
import { COPY_3_WAT, componentWat } from '../../support/component-wat.ts'
import { CollectingSink, sourceOf } from '../../support/guest.ts'

function put(from: string, to: string, source = COPY_3_WAT): string {
  assert.ok(source.includes(from), from)
  return source.replace(from, to)
}

/** Takes `most` bytes at a time, and never two at once. */
class SlowSink extends CollectingSink {
  readonly #most: number
  #hasRoom = true

  constructor(most: number) {
    super()
    this.#most = most
  }

  override write(bytes: Uint8Array): number {
    if (!this.#hasRoom) return 0
    this.#hasRoom = false
    return super.write(bytes.subarray(0, this.#most))
  }

  override onWritable(wake: () => void): void {
    setImmediate(() => {
      this.#hasRoom = true
      wake()
    })
  }
}

test('what is read comes out, however it comes and goes', async () => {
  const instance = await makeComponent(await componentWat(COPY_3_WAT))
  const parts = ['a', '', 'b'.repeat(100_000), 'c']
  for (const stdout of [new CollectingSink(), new SlowSink(10_000)]) {
    const { report } = await answer(instance, '/', { stdin: sourceOf(parts), stdout })
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout.text, parts.join(''))
    assert.equal(instance.reset(), true)
  }
})

test('of two that it exports that of 0.3 is called: compilers leave a main of 0.2 beside it', async () => {
  const both = put(
    '(instance $command (export "run" (func $run)))',
    `(core module $old' (func (export "run") (result i32) (unreachable)))
  (core instance $old (instantiate $old'))
  (func $old-run (result (result)) (canon lift (core func $old "run")))
  (instance $old-command (export "run" (func $old-run)))
  (export "wasi:cli/run@0.2.0" (instance $old-command))
  (instance $command (export "run" (func $run)))`,
  )
  const stdout = new CollectingSink()
  const instance = await makeComponent(await componentWat(both))
  const { report } = await answer(instance, '/', { stdin: sourceOf(['a']), stdout })
  assert.deepEqual([report.outcome, stdout.text], [{ kind: 'exited', code: 0 }, 'a'])
})

test('what it answers is its status', async () => {
  const source = put('(call $return (i32.load8_u (i32.const 64)))', '(call $return (i32.const 1))')
  const instance = await makeComponent(await componentWat(source))
  const { report } = await answer(instance, '/', { stdin: sourceOf(['a']) })
  assert.deepEqual(report.outcome, { kind: 'exited', code: 1 })
})

test('all that it has printed goes out, also if it does not wait for that', async () => {
  const source = put('(drop (call $await (local.get $end) (i32.const 64)))', '')
  const instance = await makeComponent(await componentWat(source))
  const stdout = new SlowSink(10_000)
  const text = 'a'.repeat(200_000)
  await answer(instance, '/', { stdin: sourceOf([text]), stdout })
  assert.equal(stdout.text, text)
})
