/** Under a plain `WebAssembly.Instance` a hardened module starts as its original does; as one of its host's it waits to be told. */
import { expect, test } from 'vitest'
import { START_EXPORT } from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { importMemories } from '../../../src/wasm/import-memories.ts'
import { call, instantiate, ROOMY, wat } from './modules.ts'

const CASES = [
  {
    name: 'a function of its own',
    text: '(func $s (call $said (i32.const 7))) (start $s)',
    said: [7],
  },
  {
    name: 'one with a loop',
    text: `(func $s (local i32) (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if 0 (i32.lt_s (local.get 0) (i32.const 3)))) (call $said (local.get 0))) (start $s)`,
    said: [3],
  },
  { name: 'an imported one', text: '(start $begun)', said: [1] },
  { name: 'none', text: '(func (call $said (i32.const 7)))', said: [] },
].flatMap((each) => [
  { ...each, memory: '' },
  { ...each, name: `${each.name}, with a memory`, memory: '(memory (export "memory") 1)' },
])

test.each(CASES)('$name', ({ text, said, memory }) => {
  const original = wat(`(module (import "host" "said" (func $said (param i32)))
    (import "host" "begun" (func $begun)) ${memory} ${text} (func (export "ready")))`)
  const heard: number[] = []
  const host = { said: (value: number) => heard.push(value), begun: () => heard.push(1) }
  instantiate(original, { host })
  expect(heard.splice(0)).toEqual(said)
  const { bytes } = harden(original, ROOMY)
  call(instantiate(bytes, { host }), 'ready')
  expect(heard.splice(0)).toEqual(said)
  const ours = importMemories(bytes)
  const memories = ours.memories.map((size) => new WebAssembly.Memory(size))
  const exports = instantiate(ours.bytes, { host, 'wasm_fpm:memory': { ...memories } })
  expect(heard).toEqual([])
  if (said.length > 0) call(exports, START_EXPORT)
  expect(heard).toEqual(said)
})
