/** Guests that do one thing after another with files and print how each ended. */
import { Oflags } from '../../src/wasi/abi.ts'
import { ALL_RIGHTS, Right } from '../../src/wasi/rights.ts'
import { wat } from './wat.ts'

/** Paths are relative to `directory`. Each step prints its errno and a blank. */
export type FileStep = (
  | {
      readonly do: 'open'
      readonly oflags?: number
      readonly rights?: number
      readonly fdflags?: number
    }
  | { readonly do: 'close' | 'sync' | 'datasync' }
  /** Writes to what was opened last. */
  | { readonly do: 'write'; readonly text: string; readonly times?: number }
  /** Prints what is read from what was opened last, and a blank. */
  | { readonly do: 'read' }
  /** Sets the size of what was opened last. */
  | { readonly do: 'resize'; readonly size: number }
  | { readonly do: 'mkdir' | 'rmdir' | 'unlink' }
  | { readonly do: 'rename' | 'link'; readonly to: string }
  | { readonly do: 'symlink'; readonly target: string }
) & { readonly path?: string }

export const CREATE = { oflags: Oflags.Creat, rights: ALL_RIGHTS & ~Right.FdReaddir } as const
export const READ_ONLY = { oflags: 0, rights: Right.FdRead } as const

/** Descriptor of the first mount of a guest with a document root: after /, /tmp and /dev. */
export const FIRST_MOUNT = 6

const [TEXT, RESULT, FILE, KEPT, BUFFER] = [2048, 16, 24, 28, 1024]

const SIGNATURES: Readonly<Record<string, string>> = {
  fd_write: 'i32 i32 i32 i32',
  fd_read: 'i32 i32 i32 i32',
  fd_close: 'i32',
  fd_sync: 'i32',
  fd_datasync: 'i32',
  fd_filestat_set_size: 'i32 i64',
  path_open: 'i32 i32 i32 i32 i32 i64 i64 i32 i32',
  path_create_directory: 'i32 i32 i32',
  path_remove_directory: 'i32 i32 i32',
  path_unlink_file: 'i32 i32 i32',
  path_rename: 'i32 i32 i32 i32 i32 i32',
  path_link: 'i32 i32 i32 i32 i32 i32 i32',
  path_symlink: 'i32 i32 i32 i32 i32',
}

export interface ProgramOptions {
  readonly directory?: number
  /** Steps to take once, before the others. */
  readonly first?: readonly FileStep[]
  /** How often the steps are taken. */
  readonly repeat?: number
  /** Function that is called for a request. Default: that of a command. */
  readonly entry?: string
}

/** A CGI program that takes all steps in `directory` and answers with what they print. */
export function fileProgram(
  steps: readonly FileStep[],
  { directory = FIRST_MOUNT, first = [], repeat = 1, entry = '_start' }: ProgramOptions = {},
): Uint8Array<ArrayBuffer> {
  const texts: string[] = []
  let used = TEXT
  const put = (text: string): string => {
    const at = used
    texts.push(
      `(data (i32.const ${at}) "${text.replaceAll('\\', '\\5c').replaceAll('"', '\\22').replaceAll('\n', '\\0a')}")`,
    )
    used += Buffer.byteLength(text)
    return `(i32.const ${at}) (i32.const ${used - at})`
  }
  const dir = `(i32.const ${directory})`
  const file = `(i32.load (i32.const ${FILE}))`
  const header = `(call $print (i32.const 1) ${put('A: b\n\n')})`
  const codeOf = (step: FileStep): string => {
    const path = put(step.path ?? '')
    switch (step.do) {
      case 'open': {
        const { oflags = 0, rights = READ_ONLY.rights, fdflags = 0 } = step
        return told(`(call $path_open ${dir} (i32.const 1) ${path} (i32.const ${oflags})
          (i64.const ${rights}) (i64.const 0) (i32.const ${fdflags}) (i32.const ${FILE}))`)
      }
      case 'close':
        return told(`(call $fd_close ${file})`)
      case 'sync':
      case 'datasync':
        return told(`(call $fd_${step.do} ${file})`)
      case 'write': {
        const text = put(step.text)
        return Array.from({ length: step.times ?? 1 }, () =>
          told(`(call $print ${file} ${text})`),
        ).join('\n')
      }
      case 'read':
        return `(i32.store (i32.const ${KEPT}) (call $move_read ${file} (i32.const ${BUFFER}) (i32.const 1000)))
          (drop (call $print (i32.const 1) (i32.const ${BUFFER}) (i32.load (i32.const ${RESULT}))))
          (call $print (i32.const 1) ${put(' ')}) drop
          ${told(`(i32.load (i32.const ${KEPT}))`)}`
      case 'resize':
        return told(`(call $fd_filestat_set_size ${file} (i64.const ${step.size}))`)
      case 'mkdir':
        return told(`(call $path_create_directory ${dir} ${path})`)
      case 'rmdir':
        return told(`(call $path_remove_directory ${dir} ${path})`)
      case 'unlink':
        return told(`(call $path_unlink_file ${dir} ${path})`)
      case 'rename':
        return told(`(call $path_rename ${dir} ${path} ${dir} ${put(step.to)})`)
      case 'link':
        return told(`(call $path_link ${dir} (i32.const 0) ${path} ${dir} ${put(step.to)})`)
      case 'symlink':
        return told(`(call $path_symlink ${put(step.target)} ${dir} ${path})`)
    }
  }
  const [once, body] = [first.map(codeOf), steps.map(codeOf)]
  return wat(`(module
    ${Object.entries(SIGNATURES)
      .map(
        ([name, types]) =>
          `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${types}) (result i32)))`,
      )
      .join('\n')}
    (memory (export "memory") 4)
    ${texts.join('\n')}
    ${transfer('print', 'fd_write')} ${transfer('move_read', 'fd_read')}
    (func $number (param $n i32)
      (local $at i32)
      (local.set $at (i32.const 40))
      (i32.store8 (local.get $at) (i32.const 32))
      (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
        (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
        (br_if $digit (local.get $n)))
      (drop (call $print (i32.const 1) (local.get $at) (i32.sub (i32.const 41) (local.get $at)))))
    (func (export "${entry}")
      (local $round i32)
      (drop ${header})
      ${once.join('\n')}
      (loop $again
        ${body.join('\n')}
        (local.set $round (i32.add (local.get $round) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $round) (i32.const ${repeat}))))))`)
}

function told(call: string): string {
  return `(call $number ${call})`
}

/** Moves `length` bytes between `at` and a descriptor; answers the errno. */
function transfer(name: string, call: string): string {
  return `(func $${name} (param $fd i32) (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (i32.store (i32.const ${RESULT}) (i32.const 0))
    (call $${call} (local.get $fd) (i32.const 0) (i32.const 1) (i32.const ${RESULT})))`
}
