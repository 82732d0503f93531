/**
 * What we take for a component wasm-tools takes for one, too (jco has it in it): who publishes without it, or has a component in a document
 * root, misses nothing but what is said here.
 */
import { readFileSync } from 'node:fs'
import { componentWit } from '@bytecodealliance/jco'
import { expect, test } from 'vitest'
import { ComponentError } from '../../../src/component/errors.ts'
import { inspectComponent } from '../../../src/component/inspect-component.ts'
import { WasmError } from '../../../src/wasm/errors.ts'
import { mutationsOf } from '../../support/component-mutations.ts'
import {
  COPY_3_WAT,
  COUNTER_WAT,
  componentWat,
  HELLO_3_WAT,
  HELLO_WAT,
} from '../../support/component-wat.ts'

const MUTATIONS = 300

/** Names are data here: nothing is made from them, and who imports one that WASI does not have is refused. */
const OF_NAMES =
  /kebab case|not a valid extern name|a first argument called|expected parameter named|not valid to be used as import/
/** What nobody uses is not looked for. */
const OF_ALIASES = /core instance \d+ has no export named/

/** Why we refuse it; undefined: we take it. Throws what is no error of a component's. */
function ours(bytes: Uint8Array): string | undefined {
  try {
    return inspectComponent(bytes).problem?.message
  } catch (error) {
    if (error instanceof ComponentError || error instanceof WasmError) return error.message
    throw error
  }
}

async function theirs(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await componentWit(bytes)
    return undefined
  } catch (error) {
    return String((error as { readonly payload?: unknown }).payload ?? error)
  }
}

test.each([
  ['wasi:http 0.2', () => componentWat(HELLO_WAT)],
  ['wasi:http 0.3', () => componentWat(HELLO_3_WAT)],
  ['wasi:cli 0.3', () => componentWat(COPY_3_WAT)],
  ['keyvalue', () => componentWat(COUNTER_WAT)],
  ['Rust', async () => readFileSync('build/guests/rust-http/handler.wasm')],
] as const)(
  '%s: what we take of it, broken in a byte or two, is one by wasm-tools',
  async (_, make) => {
    const component = Uint8Array.from(await make())
    expect([ours(component), await theirs(component)]).toEqual([undefined, undefined])
    let refused = 0
    const others: string[] = []
    for (const mutated of mutationsOf(component, MUTATIONS)) {
      if (ours(mutated) !== undefined) {
        refused += 1
        continue
      }
      const problem = await theirs(mutated)
      if (problem !== undefined && !OF_NAMES.test(problem) && !OF_ALIASES.test(problem))
        others.push(problem)
    }
    expect(others).toEqual([])
    expect(refused).toBeGreaterThan(MUTATIONS / 2)
  },
)

/** What wasm-tools refuses and we did not, once. */
test.each([
  {
    name: 'an option twice',
    from: '(memory $m) (realloc $realloc)))\n  (core func $new-response',
    to: '(memory $m) (realloc $realloc) (realloc $realloc)))\n  (core func $new-response',
    problem: /a canonical option twice/,
  },
  {
    name: 'two encodings',
    from: '(memory $m) (realloc $realloc)))\n  (core func $new-response',
    to: '(memory $m) (realloc $realloc) string-encoding=utf16 string-encoding=utf8))\n  (core func $new-response',
    problem: /a canonical option twice/,
  },
  {
    name: 'post-return of a lowered function',
    from: '(memory $m) (realloc $realloc)))\n  (core func $new-response',
    to: '(memory $m) (realloc $realloc) (post-return $realloc)))\n  (core func $new-response',
    problem: /post-return or callback of a lowered function/,
  },
  {
    name: 'a memory that is not there',
    from: '(alias core export $memory "memory" (core memory $m))',
    to: '(alias core export $memory "memory-2" (core memory $m))',
    problem: /the core item "memory-2" is missing, and a core module imports memory/,
  },
  {
    name: 'a memory that is not there, of a lowered function alone',
    from: '(core func $body (canon lower (func $http "[method]outgoing-response.body") (memory $m)))',
    to: '(alias core export $memory "other" (core memory $other))\n(core func $body (canon lower (func $http "[method]outgoing-response.body") (memory $other)))',
    problem: /the memory "other" is missing, wanted it/,
  },
  {
    name: 'a function of another core module with another type',
    from: '(import "host" "memory" (memory 1))',
    to: '(import "host" "memory" (memory 1)) (import "host" "realloc" (func (param i32)))',
    more: [
      '(export "memory" (memory $m))',
      '(export "memory" (memory $m)) (export "realloc" (func $realloc))',
    ],
    problem:
      /the core item "realloc" is \(i32, i32, i32, i32\) -> i32, and a core module imports \(i32\) -> \(\)/,
  },
] as const)('$name is refused by both', async ({ from, to, problem, ...rest }) => {
  const [also, instead] = 'more' in rest ? rest.more : [from, to]
  for (const text of [from, also]) expect(HELLO_WAT).toContain(text)
  const bytes = await componentWat(HELLO_WAT.replace(from, to).replace(also, instead))
  expect(ours(bytes)).toMatch(problem)
  expect(await theirs(bytes)).toBeDefined()
})
