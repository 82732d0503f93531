/** What wasm-tools is asked when a component is published, and what becomes of its answer. */
import { expect, test } from 'vitest'
import { MAX_WIT_BYTES } from '../../../src/publisher/validate-component.ts'
import type { PrintWit } from '../../../src/publisher/wasm-tools.ts'
import { componentWat, HELLO_3_WAT, HELLO_WAT } from '../../support/component-wat.ts'
import { HELLO, printing, run } from './job-run.ts'

const hello = await componentWat(HELLO_WAT)

/** One that answers, whatever it is given. */
const saying = (printWit: PrintWit) => ({ wasmTools: { printWit } })
const failing = (reason: string) => saying(() => Promise.reject(new Error(reason)))

async function validated(component: Uint8Array, options?: Parameters<typeof run>[3]) {
  const { event, steps } = await run(component, {}, undefined, options)
  return { event, step: steps.find(({ step }) => step === 'validate') }
}

test('a component is one by wasm-tools, too, which prints its world', async () => {
  const { event, step } = await validated(hello)
  expect(event.event).toBe('done')
  expect(step?.note).toBe(
    'wasm-tools takes it: 3 imports, exports wasi:http/incoming-handler@0.2.0',
  )
  expect(step?.found).toEqual({
    isValidated: true,
    reason: null,
    wit: `package root:component;

world root {
  import wasi:io/error@0.2.0;
  import wasi:io/streams@0.2.0;
  import wasi:http/types@0.2.0;

  export wasi:http/incoming-handler@0.2.0;
}
`,
  })
})

test('one of WASI 0.3', async () => {
  const { event, step } = await validated(await componentWat(HELLO_3_WAT))
  expect(event.event).toBe('done')
  expect(step?.note).toMatch(/exports wasi:http\/handler@0.3/)
})

/** Nothing is made of the name here, and nobody uses the type. */
const ODD_NAME = HELLO_WAT.replace(/\)\s*$/, '(type (record (field "Two\\09Words" u8))))')

test('what we would take and wasm-tools refuses is not published', async () => {
  const { event, step } = await validated(await componentWat(ODD_NAME))
  expect(event).toMatchObject({
    event: 'failed',
    step: 'validate',
    error: {
      code: 'PUBLISHER_INVALID_COMPONENT',
      message: expect.stringMatching(
        /^Cannot publish acme\/main: wasm-tools says "Failed to decode wit component: record field name `Two\?Words` is not in kebab case \(at offset 0x[0-9a-f]+\)", wanted a valid component$/,
      ),
    },
  })
  expect(step).toBeUndefined()
})

test('what it says is cut, and moves no cursor', async () => {
  const { event } = await validated(hello, failing(`\x1b[2J${'x'.repeat(100_000)}`))
  expect(event).toMatchObject({
    error: { message: expect.stringMatching(/says "\?\[2Jx{296}", wanted a valid component$/) },
  })
})

const LONG = `world root {\n${'  import a;\n'.repeat(MAX_WIT_BYTES / 12)}}`

test('a world is kept without control characters, and not where it is too long', async () => {
  const odd = await validated(
    hello,
    saying(async () => '  import a;\n  export \x1b[2J;\n\x9b'),
  )
  expect(odd.step?.found['wit']).toBe('  import a;\n  export ?[2J;\n?')
  expect(odd.step?.note).toBe('wasm-tools takes it: 1 imports, exports ?[2J')
  const long = await validated(
    hello,
    saying(async () => LONG),
  )
  expect(long.event.event).toBe('done')
  expect(long.step?.found).toEqual({ isValidated: true, reason: null, wit: null })
  expect(long.step?.note).toContain(`longer than ${MAX_WIT_BYTES} bytes`)
  const names = await validated(
    hello,
    saying(async () => `  export ${'y'.repeat(1e5)}: func();\n`.repeat(9)),
  )
  expect(names.step?.note.length).toBeLessThan(400)
})

test('where it is not installed, our own checks hold, and publishing says so', async () => {
  const options = { wasmTools: { missing: 'it is not installed' } }
  const { event, step } = await validated(hello, options)
  expect(event.event).toBe('done')
  expect(step?.note).toBe(
    "held to our own checks alone: wasm-tools was not asked, it is not installed (npm's @bytecodealliance/jco)",
  )
  expect(step?.found).toEqual({ isValidated: false, reason: 'it is not installed', wit: null })
  const odd = await validated(await componentWat(ODD_NAME), options)
  expect(odd.event.event).toBe('done')
})

test('a module is no business of wasm-tools', async () => {
  const { event, step } = await validated(printing(HELLO), failing('asked'))
  expect([event.event, step]).toEqual(['done', undefined])
})
