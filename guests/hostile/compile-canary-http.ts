/** Canaries that are components of wasi:http: what they import, with all that may be done to a handle, around their code. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco'

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

/** What a core module calls: its canonical definition and its type. */
type Calls = Readonly<Record<string, readonly [canonical: string, type: string]>>

interface World {
  /** The component that imports all but `more`. */
  readonly base: string
  /** More functions of wasi:http. */
  readonly more: string
  /** Of another interface, before the core modules. */
  readonly aliases: string
  readonly calls: Calls
  /** Calls of which each is given a handle, `local.get 0`. */
  readonly forgeries: readonly string[]
  readonly lifted: string
}

const IN_MEMORY = '(memory $m) (realloc $realloc)'
const FIELDS: Calls = {
  'new-fields': ['lower (func $http "[constructor]fields")', '(result i32)'],
  clone: ['lower (func $http "[method]fields.clone")', '(param i32) (result i32)'],
  'drop-fields': ['resource.drop $fields', '(param i32)'],
}
const FIELDS_MORE = `
    (export "[method]fields.clone" (func (param "self" (borrow $fields)) (result (own $fields))))`
const FORGED_FIELDS = ['(drop (call $clone (local.get 0)))', '(call $drop-fields (local.get 0))']
const RESPONSE =
  '(i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)'

const HTTP: World = {
  base: '../component/hello.wat',
  more: `${FIELDS_MORE}
    (export "[method]fields.get" (func (param "self" (borrow $fields)) (param "name" string) (result (list (list u8)))))
    (export "incoming-body" (type $incoming-body (sub resource)))
    (alias outer 1 $input-stream (type $in))
    (export "input-stream" (type $input-stream (eq $in)))
    (export "[method]incoming-request.consume" (func (param "self" (borrow $incoming-request)) (result (result (own $incoming-body)))))
    (export "[method]incoming-body.stream" (func (param "self" (borrow $incoming-body)) (result (result (own $input-stream)))))`,
  aliases: `
  (alias export $http "incoming-body" (type $incoming-body))
  (alias export $http "outgoing-response" (type $outgoing-response))
  (alias export $http "outgoing-body" (type $outgoing-body))`,
  calls: {
    ...FIELDS,
    get: [`lower (func $http "[method]fields.get") ${IN_MEMORY}`, '(param i32 i32 i32 i32)'],
    headers: ['lower (func $http "[method]incoming-request.headers")', '(param i32) (result i32)'],
    path: [
      `lower (func $http "[method]incoming-request.path-with-query") ${IN_MEMORY}`,
      '(param i32 i32)',
    ],
    consume: [
      'lower (func $http "[method]incoming-request.consume") (memory $m)',
      '(param i32 i32)',
    ],
    stream: ['lower (func $http "[method]incoming-body.stream") (memory $m)', '(param i32 i32)'],
    read: [
      `lower (func $streams "[method]input-stream.blocking-read") ${IN_MEMORY}`,
      '(param i32 i64 i32)',
    ],
    'new-response': [
      'lower (func $http "[constructor]outgoing-response")',
      '(param i32) (result i32)',
    ],
    body: ['lower (func $http "[method]outgoing-response.body") (memory $m)', '(param i32 i32)'],
    write: ['lower (func $http "[method]outgoing-body.write") (memory $m)', '(param i32 i32)'],
    finish: [
      `lower (func $http "[static]outgoing-body.finish") ${IN_MEMORY}`,
      '(param i32 i32 i32 i32)',
    ],
    set: [
      `lower (func $http "[static]response-outparam.set") ${IN_MEMORY}`,
      '(param i32 i32 i32 i32 i64 i32 i32 i32 i32)',
    ],
    print: [
      'lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $m)',
      '(param i32 i32 i32 i32)',
    ],
    spill: [
      'lower (func $streams "[method]output-stream.write") (memory $m)',
      '(param i32 i32 i32 i32)',
    ],
    'drop-request': ['resource.drop $incoming-request', '(param i32)'],
    'drop-in': ['resource.drop $input-stream', '(param i32)'],
    'drop-stream': ['resource.drop $output-stream', '(param i32)'],
    'drop-body': ['resource.drop $incoming-body', '(param i32)'],
    'drop-response': ['resource.drop $outgoing-response', '(param i32)'],
    'drop-out': ['resource.drop $outgoing-body', '(param i32)'],
  },
  forgeries: [
    ...FORGED_FIELDS,
    '(call $get (local.get 0) (i32.const 64) (i32.const 6) (i32.const 48))',
    '(call $read (local.get 0) (i64.const 4096) (i32.const 48))',
    '(drop (call $new-response (local.get 0)))',
    '(call $body (local.get 0) (i32.const 48))',
    '(call $write (local.get 0) (i32.const 48))',
    '(call $finish (local.get 0) (i32.const 0) (i32.const 0) (i32.const 48))',
    '(call $print (local.get 0) (i32.const 64) (i32.const 6) (i32.const 48))',
    '(call $spill (local.get 0) (i32.const 64) (i32.const 6) (i32.const 48))',
    '(call $stream (local.get 0) (i32.const 48))',
    '(call $drop-in (local.get 0))',
    '(call $drop-stream (local.get 0))',
    '(call $drop-body (local.get 0))',
    '(call $drop-response (local.get 0))',
    '(call $drop-out (local.get 0))',
    `(call $set (i32.const 2) (i32.const 0) (local.get 0) ${RESPONSE})`,
    // Of the request and of what is to be set, handles 1 and 2 are its own.
    `(call $set (local.get 0) (i32.const 1) (i32.const 0) ${RESPONSE})`,
    '(drop (call $headers (local.get 0)))',
    '(call $path (local.get 0) (i32.const 48))',
    '(call $consume (local.get 0) (i32.const 48))',
    '(call $drop-request (local.get 0))',
  ],
  lifted: `(func $handle (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $main "handle")))`,
}

const HTTP_3: World = {
  base: '../component/hello-3.wat',
  more: `${FIELDS_MORE}
    (export "[method]fields.get" (func (param "self" (borrow $fields)) (param "name" string) (result (list (list u8)))))`,
  aliases: '',
  calls: {
    ...FIELDS,
    get: [`lower (func $http "[method]fields.get") ${IN_MEMORY}`, '(param i32 i32 i32 i32)'],
    headers: ['lower (func $http "[method]request.get-headers")', '(param i32) (result i32)'],
    path: [
      `lower (func $http "[method]request.get-path-with-query") ${IN_MEMORY}`,
      '(param i32 i32)',
    ],
    consume: [
      'lower (func $http "[static]request.consume-body") (memory $m)',
      '(param i32 i32 i32)',
    ],
    'new-response': [
      'lower (func $http "[static]response.new") (memory $m)',
      '(param i32 i32 i32 i32 i32)',
    ],
    return: [
      'task.return (result (result (own $response) (error $error-code))) (memory $m)',
      '(param i32 i32 i32 i64 i32 i32 i32 i32)',
    ],
    'new-set': ['waitable-set.new', '(result i32)'],
    join: ['waitable.join', '(param i32 i32)'],
    poll: ['waitable-set.poll (memory $m)', '(param i32 i32) (result i32)'],
    'drop-set': ['waitable-set.drop', '(param i32)'],
    'new-bytes': ['stream.new $bytes', '(result i64)'],
    'begin-read': ['stream.read $bytes async (memory $m)', '(param i32 i32 i32) (result i32)'],
    'begin-write': ['stream.write $bytes async (memory $m)', '(param i32 i32 i32) (result i32)'],
    read: ['stream.read $bytes (memory $m)', '(param i32 i32 i32) (result i32)'],
    write: ['stream.write $bytes (memory $m)', '(param i32 i32 i32) (result i32)'],
    'stop-read': ['stream.cancel-read $bytes', '(param i32) (result i32)'],
    'stop-write': ['stream.cancel-write $bytes', '(param i32) (result i32)'],
    'drop-readable': ['stream.drop-readable $bytes', '(param i32)'],
    'drop-writable': ['stream.drop-writable $bytes', '(param i32)'],
    'new-trailers': ['future.new $trailers', '(result i64)'],
    'read-trailers': [`future.read $trailers async ${IN_MEMORY}`, '(param i32 i32) (result i32)'],
    'write-trailers': [`future.write $trailers ${IN_MEMORY}`, '(param i32 i32) (result i32)'],
    'drop-trailers': ['future.drop-readable $trailers', '(param i32)'],
    'new-sent': ['future.new $sent', '(result i64)'],
    'drop-request': ['resource.drop $request', '(param i32)'],
    'drop-response': ['resource.drop $response', '(param i32)'],
    'drop-subtask': ['subtask.drop', '(param i32)'],
  },
  forgeries: [
    ...FORGED_FIELDS,
    '(call $get (local.get 0) (i32.const 64) (i32.const 6) (i32.const 48))',
    '(call $drop-response (local.get 0))',
    `(call $return (i32.const 0) (local.get 0) ${RESPONSE})`,
    '(call $join (local.get 0) (i32.const 0))',
    '(drop (call $poll (local.get 0) (i32.const 48)))',
    '(call $drop-set (local.get 0))',
    '(drop (call $begin-read (local.get 0) (i32.const 1024) (i32.const 64)))',
    '(drop (call $begin-write (local.get 0) (i32.const 64) (i32.const 6)))',
    '(drop (call $read (local.get 0) (i32.const 1024) (i32.const 64)))',
    '(drop (call $write (local.get 0) (i32.const 64) (i32.const 6)))',
    '(drop (call $stop-read (local.get 0)))',
    '(drop (call $stop-write (local.get 0)))',
    '(call $drop-readable (local.get 0))',
    '(call $drop-writable (local.get 0))',
    '(drop (call $read-trailers (local.get 0) (i32.const 48)))',
    '(drop (call $write-trailers (local.get 0) (i32.const 256)))',
    '(call $drop-trailers (local.get 0))',
    '(call $drop-subtask (local.get 0))',
    // Of the request, handle 1 is its own.
    '(drop (call $headers (local.get 0)))',
    '(call $path (local.get 0) (i32.const 48))',
    '(call $consume (local.get 0) (i32.wrap_i64 (call $new-sent)) (i32.const 48))',
    '(call $drop-request (local.get 0))',
  ],
  lifted: `(func $handle async (param "request" (own $request)) (result (result (own $response) (error $error-code)))
    (canon lift (core func $main "handle") async (memory $m)))`,
}

const WORLDS = { '0.2': HTTP, '0.3': HTTP_3 } as const

export interface CanaryShape {
  readonly version: keyof typeof WORLDS
  /** Of its first memory: small ones are put back by copying, large ones by pages. */
  readonly pages: number
  /** Whether it leaves something in a table, which is not put back: each request has a new instance. */
  readonly hasTable: boolean
}

/** How many forgeries a version has: letters of a path from A on. */
export const forgeriesOf = (version: CanaryShape['version']): number =>
  WORLDS[version].forgeries.length

export async function compileCanaryHttp(shape: CanaryShape): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parse(textOf(shape)))
}

function textOf({ version, pages, hasTable }: CanaryShape): string {
  const { base, more, aliases, calls, forgeries, lifted } = WORLDS[version]
  const name = version === '0.2' ? 'canary-http' : 'canary-http-3'
  const imports = read(base).split('(core module $memory')[0] ?? ''
  const entries = Object.entries(calls)
  const [handler] = /wasi:http\/\S*handler@[\d.]+/.exec(read(base)) ?? ['']
  return `${withMore(imports, more)}${aliases}
  (core module $memory
    (memory (export "memory") ${pages})
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $m))
  (alias core export $memory "realloc" (core func $realloc))
  ${entries.map(([own, [canonical]]) => `(core func $${own} (canon ${canonical}))`).join('\n  ')}
  (core module $main
    (import "host" "memory" (memory ${pages}))
    (import "host" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    ${entries.map(([own, [, type]]) => `(import "host" "${own}" (func $${own} ${type}))`).join('\n    ')}
    (func $allocate (param i32) (result i32)
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get 0)))
    ${forgeries.map((code, index) => `(func $forge${index} (param i32) ${code})`).join('\n    ')}
    (table $forgeries funcref (elem ${forgeries.map((_, index) => `$forge${index}`).join(' ')}))
    ${hasTable ? '(table $loose 4 8 funcref)' : ''}
    ${coreOf(pages, hasTable)}
    ${read(`${name}.wat`)})
  (core instance $main (instantiate $main (with "host" (instance
    (export "memory" (memory $m)) (export "realloc" (func $realloc))
    ${entries.map(([own]) => `(export "${own}" (func $${own}))`).join('\n    ')}))))
  ${lifted}
  (instance $handler (export "handle" (func $handle)))
  (export "${handler}" (instance $handler))
)`
}

/** `imports`, with more functions of wasi:http, and with streams that are read, where there are any. */
function withMore(imports: string, more: string): string {
  return imports
    .replace('(export "[constructor]fields"', `${more.trim()}\n    (export "[constructor]fields"`)
    .replace(
      '(export "output-stream" (type $output-stream (sub resource)))',
      '(export "output-stream" (type $output-stream (sub resource)))\n    (export "input-stream" (type $input-stream (sub resource)))',
    )
    .replace(
      '(export "[method]output-stream.blocking-write-and-flush"',
      `(export "[method]input-stream.blocking-read" (func (param "self" (borrow $input-stream)) (param "len" u64)
      (result (result (list u8) (error $stream-error)))))
    (export "[method]output-stream.write" (func (param "self" (borrow $output-stream)) (param "contents" (list u8))
      (result (result (error $stream-error)))))
    (export "[method]output-stream.blocking-write-and-flush"`,
    )
    .replace(
      '(alias export $streams "output-stream" (type $output-stream))',
      '(alias export $streams "output-stream" (type $output-stream))\n  (alias export $streams "input-stream" (type $input-stream))',
    )
}

function coreOf(pages: number, hasTable: boolean): string {
  const found = `(local.set $count (i32.add (local.get $count) (i32.ne (table.size $loose) (i32.const 4))))
  (local.set $count (i32.add (local.get $count) (i32.eqz (ref.is_null (table.get $loose (i32.const 0))))))`
  const leave = `(table.set $loose (i32.const 0) (ref.func $found))
  (drop (table.grow $loose (ref.func $found) (i32.const 2)))`
  return read('canary-core.wat')
    .replace('@PAGES@', String(pages))
    .replace('@FOUND_IN_TABLE@', hasTable ? found : '')
    .replace('@LEAVE_IN_TABLE@', hasTable ? leave : '')
    .replace('(func $found', `${hasTable ? '(elem declare func $found)\n' : ''}(func $found`)
}
