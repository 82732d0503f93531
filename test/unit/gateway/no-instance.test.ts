/** Modules that V8 takes and that cannot be instantiated: each request is refused, and nothing is held up by that. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

const GOOD = wat('(module (memory (export "memory") 1) (func (export "_start")))')
const BAD: Readonly<Record<string, Uint8Array>> = {
  'a segment of elements out of bounds': wat(
    '(module (memory (export "memory") 1) (table 1 funcref) (elem (i32.const 5) $f) (func $f) (func (export "_start")))',
  ),
  'a segment of data out of bounds': wat(
    '(module (memory (export "memory") 1) (data (i32.const 65536) "x") (func (export "_start")))',
  ),
  'core modules that do not fit each other': await componentWat(
    HELLO_WAT.replace('(import "host" "memory" (memory 1))', '(import "host" "memory" (memory 2))'),
  ),
}

test.each(Object.entries(BAD))('%s', async (_, bytes) => {
  const files = { 'bad.wasm': bytes, 'good.wasm': GOOD }
  const site = new Site({ files, tenant: 'max_children = 2' })
  try {
    // At once: most of them wait until it is their turn.
    const asked = Array.from({ length: 10 }, () => site.request('/bad.wasm'))
    for (const { status } of await Promise.all(asked)) assert.equal(status, 502)
    assert.deepEqual([...new Set(site.access.map(({ code }) => code))], ['GUEST_INVALID_MODULE'])
    // It prints nothing, which is as far as it can come.
    await site.request('/good.wasm')
    assert.equal(site.access.at(-1)?.code, 'CGI_NO_HEADER')
  } finally {
    site.close()
  }
})
