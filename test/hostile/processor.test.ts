/** Guests that want the processor for ever: each is stopped, and while it runs a neighbour is answered. */
import { expect, test } from 'vitest'
import { compileAs } from '../../guests/hostile/compile.ts'
import { LoopWatch } from './loop-watch.ts'
import { HELLO, setStage } from './stage.ts'

interface Case {
  readonly guest: string
  readonly code: string
  readonly status: number
}

const CPU = { code: 'OUTCOME_CPU_EXCEEDED', status: 503 }
const STACK = { code: 'OUTCOME_STACK_OVERFLOW', status: 500 }

const CASES: readonly Case[] = [
  { guest: 'endless-loop', ...CPU },
  { guest: 'endless-start', ...CPU },
  { guest: 'fill-all-memory', ...CPU },
  { guest: 'copy-all-memory', ...CPU },
  { guest: 'tail-calls', ...CPU },
  { guest: 'indirect-tail-calls', ...CPU },
  { guest: 'exponential-calls', ...CPU },
  { guest: 'recursion', ...STACK },
  { guest: 'mutual-recursion', ...STACK },
  { guest: 'indirect-recursion', ...STACK },
  { guest: 'catch-everything', ...CPU },
  { guest: 'catch-host-calls', ...CPU },
  { guest: 'catch-recursion', ...STACK },
  { guest: 'grow-memory-for-ever', ...CPU },
  { guest: 'grow-table-for-ever', ...CPU },
  { guest: 'flood-stderr', ...CPU },
  { guest: 'random-of-everything', ...CPU },
  { guest: 'spin-buffers', ...CPU },
  { guest: 'spin-clock', ...CPU },
  { guest: 'spin-due-clocks', ...CPU },
  { guest: 'spin-empty-write', ...CPU },
  { guest: 'spin-environ', ...CPU },
  { guest: 'spin-file-write', ...CPU },
  { guest: 'spin-links', ...CPU },
  { guest: 'spin-open', ...CPU },
  { guest: 'spin-poll', ...CPU },
  { guest: 'spin-random', ...CPU },
  { guest: 'spin-readdir', ...CPU },
  { guest: 'spin-rename', ...CPU },
  { guest: 'spin-set-size', ...CPU },
  { guest: 'spin-walk', ...CPU },
  { guest: 'spin-yield', ...CPU },
]

/** Far more than a slice, far less than anybody would call a stall. */
const LONGEST_MS = 50

const ALL = CASES.flatMap((one) => [
  { ...one, form: 'module' as const },
  { ...one, form: 'component' as const },
])

for (const { guest, code, status, form } of ALL) {
  test(`${guest}, a ${form}, is stopped`, async () => {
    const modules = { [guest]: await compileAs(form, guest) }
    // What makes a component of it takes memory of its own.
    const memory = form === 'component' ? '65MiB' : '64MiB'
    using stage = setStage({ modules, limits: `cpu = "150ms"\nmemory = "${memory}"` })
    // Compiled and warm, so that what is measured is the hog.
    expect((await stage.ask('neighbour', 'hello')).status).toBe(200)
    await stage.ask('hog', guest)
    stage.log.length = 0

    const watch = new LoopWatch()
    let isOver = false
    const hog = stage.ask('hog', guest).finally(() => {
      isOver = true
    })
    let served = 0
    do {
      const { status: neighbour, body } = await stage.ask('neighbour', 'hello')
      expect([neighbour, body.toString()]).toEqual([200, HELLO])
      served += 1
      await new Promise(setImmediate)
    } while (!isOver)
    const reply = await hog
    const longestMs = watch.stop()

    expect(reply.status).toBe(status)
    expect(reply.isComplete).toBe(true)
    expect(stage.failures()).toEqual([{ code, level: 'warn' }])
    expect(longestMs).toBeLessThan(LONGEST_MS)
    if (code === CPU.code) expect(served).toBeGreaterThan(1)
    for (const tenant of ['hog', 'neighbour']) {
      expect((await stage.ask(tenant, 'hello')).body.toString()).toBe(HELLO)
    }
  })
}

test('a file that grows in small steps until /tmp is full keeps nobody waiting', async () => {
  using stage = setStage({ guests: ['tmp-bytes'], limits: 'cpu = "10s"\ntmp = "16MiB"' })
  await stage.ask('hog', 'hello')
  const watch = new LoopWatch()
  const { body } = await stage.ask('hog', 'tmp-bytes')
  expect(watch.stop()).toBeLessThan(LONGEST_MS)
  expect(body.toString()).toBe('4095 51 ')
})
