/** The sample of wasi:http 0.3 (guests/component/hello-3.wat) with something else in one place or another, by text. */
import assert from 'node:assert/strict'
import { HELLO_3_WAT } from './component-wat.ts'

/** `source` with `to` in the place of `from`, which has to be there. */
export function put(from: string, to: string, source = HELLO_3_WAT): string {
  assert.ok(source.includes(from), from)
  return source.replace(from, to)
}

export const SETS = '(global.set $set (call $new-set))'
/** Where everything is there: the body, the answer, its trailers. */
export const GOES_ON = `(call $join (global.get $behind) (global.get $set))
      (call $go-on))`
export const RETURNS = '(call $return (i32.const 0)'
export const HEADERS = '(drop (call $headers (local.get $request)))'

/** With a canonical function more, `$extra` in the core module. */
export const withExtra = (canonical: string, type: string, source = HELLO_3_WAT): string =>
  put(
    '(core module $main',
    `(core func $extra (canon ${canonical}))\n  (core module $main`,
    put(
      '(import "host" "end-sent"',
      `(import "host" "extra" (func $extra ${type}))\n    (import "host" "end-sent"`,
      put(
        '(export "end-sent" (func $end-sent))',
        '(export "end-sent" (func $end-sent)) (export "extra" (func $extra))',
        source,
      ),
    ),
  )
