/** Modules that are a burden before they run: others are served while they are read, checked and compiled. */
import { expect, test } from 'vitest'
import { heavyCode, moduleOf } from './big-modules.ts'
import { LoopWatch } from './loop-watch.ts'
import { HELLO, setStage } from './stage.ts'

const LONGEST_MS = 50

const CASES = [
  {
    name: 'as many functions as are allowed',
    module: moduleOf(100_000, Buffer.alloc(0)),
    status: 502,
    code: 'CGI_NO_HEADER',
  },
  {
    name: 'one function more than that',
    module: moduleOf(100_001, Buffer.alloc(0)),
    status: 502,
    code: 'WASM_LIMIT_EXCEEDED',
  },
  {
    name: '12 MB of code, 600 functions',
    module: moduleOf(600, heavyCode(2_200)),
    status: 502,
    code: 'CGI_NO_HEADER',
  },
  {
    name: 'one function of 4.5 MB',
    module: moduleOf(1, heavyCode(500_000)),
    status: 502,
    code: 'CGI_NO_HEADER',
  },
  {
    name: 'one function of more than 5 MiB',
    module: moduleOf(1, heavyCode(600_000)),
    status: 502,
    code: 'WASM_LIMIT_EXCEEDED',
  },
  {
    name: 'the same, where the operator allows it',
    module: moduleOf(1, heavyCode(600_000)),
    limits: 'function = "6MiB"',
    status: 502,
    code: 'CGI_NO_HEADER',
  },
  {
    name: 'less than that, where the operator does not',
    module: moduleOf(1, heavyCode(100_000)),
    limits: 'function = "512KiB"',
    status: 502,
    code: 'WASM_LIMIT_EXCEEDED',
  },
  { name: 'no module', module: Buffer.from('<?php'), status: 502, code: 'WASM_NOT_A_MODULE' },
  {
    name: 'a module cut short',
    module: moduleOf(1000, heavyCode(10)).subarray(0, 5000),
    status: 502,
    code: 'WASM_MALFORMED',
  },
]

for (const { name, module, limits = '', status, code } of CASES) {
  test(name, async () => {
    using stage = setStage({ modules: { burden: module }, limits: `cpu = "5s"\n${limits}` })
    expect((await stage.ask('neighbour', 'hello')).status).toBe(200)
    const watch = new LoopWatch()
    let isOver = false
    const burden = stage.ask('hog', 'burden').finally(() => {
      isOver = true
    })
    while (!isOver) {
      expect((await stage.ask('neighbour', 'hello')).body.toString()).toBe(HELLO)
      await new Promise(setImmediate)
    }
    const reply = await burden
    const longestMs = watch.stop()
    expect(stage.failures()).toEqual([{ code, level: 'warn' }])
    expect(reply.status).toBe(status)
    expect((await stage.ask('hog', 'hello')).body.toString()).toBe(HELLO)
    expect(longestMs).toBeLessThan(LONGEST_MS)
  })
}
