/** The check as a host uses it: suspending where the stack allows it, answering at once where not. */
import { expect, test } from 'vitest'
import { checkHelperModule } from '../../../src/wasm/check-helper.ts'
import {
  END_GUEST,
  GO_ON,
  MAY_SUSPEND_EXPORT,
  PLAIN_SLOT,
  SUSPENDING_SLOT,
} from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { call, instantiate, ROOMY, setCheck, wat } from './modules.ts'

interface Jspi {
  readonly Suspending: new (call: () => unknown) => unknown
  readonly promising: (call: unknown) => (...given: unknown[]) => Promise<unknown>
}
const jspi = WebAssembly as unknown as Jspi

const COUNT_DOWN = wat(`(module (func (export "run") (param i32) (result i32) (local i32)
  (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))`)

test('the helper module is one import and its re-export', () => {
  const module = new WebAssembly.Module(checkHelperModule())
  expect(WebAssembly.Module.imports(module)).toEqual([
    { module: 'wasm_fpm', name: 'check', kind: 'function' },
  ])
  expect(WebAssembly.Module.exports(module)).toEqual([{ name: 'check', kind: 'function' }])
})

test('a suspending check suspends the guest in the middle of a loop and resumes it there', async () => {
  const exports = instantiate(harden(COUNT_DOWN, { ...ROOMY, quota: 100 }).bytes)
  let suspended = 0
  setCheck(
    exports,
    SUSPENDING_SLOT,
    new jspi.Suspending(async () => {
      await Promise.resolve()
      suspended++
      return GO_ON
    }),
  )
  ;(exports[MAY_SUSPEND_EXPORT] as WebAssembly.Global).value = 1
  const run = jspi.promising(exports['run'])
  // Two at once, each on a stack of its own.
  expect(await Promise.all([run(1000), run(2000)])).toEqual([500_500, 2_001_000])
  expect(suspended).toBeGreaterThan(100)
})

test('a suspended guest is ended by a trap', async () => {
  const exports = instantiate(harden(COUNT_DOWN, { ...ROOMY, quota: 100 }).bytes)
  setCheck(exports, SUSPENDING_SLOT, new jspi.Suspending(() => Promise.resolve(END_GUEST)))
  ;(exports[MAY_SUSPEND_EXPORT] as WebAssembly.Global).value = 1
  await expect(jspi.promising(exports['run'])(0)).rejects.toThrow('unreachable')
})

test('without may_suspend the plain slot is asked, where suspending would be an error', () => {
  const exports = instantiate(harden(COUNT_DOWN, { ...ROOMY, quota: 100 }).bytes)
  let plain = 0
  setCheck(exports, SUSPENDING_SLOT, new jspi.Suspending(() => Promise.resolve(GO_ON)))
  setCheck(exports, PLAIN_SLOT, () => {
    plain++
    return GO_ON
  })
  expect(call(exports, 'run', 1000)).toBe(500_500)
  expect(plain).toBeGreaterThan(50)
})
