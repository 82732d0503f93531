/** Reads canonical functions (binary format: `canon`). */
import type { ComponentReader } from './component-reader.ts'
import { type BuiltinName, type Definition, NO_OPTIONS } from './definition.ts'
import { malformed, unsupported } from './errors.ts'

const I32 = 0x7f
/** Words of its own that a task has. */
const CONTEXT_SLOTS = 2

/** What follows the name of one: a type, options, whether it may answer before it is done; a byte that says whether it can be cancelled, and a memory. */
type Operands =
  | 'none'
  | 'type'
  | 'options'
  | 'type, options'
  | 'type, async'
  | 'async'
  | 'cancel'
  | 'wait'

const BUILTINS: ReadonlyMap<number, readonly [name: BuiltinName, operands: Operands]> = new Map([
  [0x05, ['task.cancel', 'none']],
  [0x06, ['subtask.cancel', 'async']],
  [0x0c, ['thread.yield', 'cancel']],
  [0x0d, ['subtask.drop', 'none']],
  [0x0e, ['stream.new', 'type']],
  [0x0f, ['stream.read', 'type, options']],
  [0x10, ['stream.write', 'type, options']],
  [0x11, ['stream.cancel-read', 'type, async']],
  [0x12, ['stream.cancel-write', 'type, async']],
  [0x13, ['stream.drop-readable', 'type']],
  [0x14, ['stream.drop-writable', 'type']],
  [0x15, ['future.new', 'type']],
  [0x16, ['future.read', 'type, options']],
  [0x17, ['future.write', 'type, options']],
  [0x18, ['future.cancel-read', 'type, async']],
  [0x19, ['future.cancel-write', 'type, async']],
  [0x1a, ['future.drop-readable', 'type']],
  [0x1b, ['future.drop-writable', 'type']],
  [0x1c, ['error-context.new', 'options']],
  [0x1d, ['error-context.debug-message', 'options']],
  [0x1e, ['error-context.drop', 'none']],
  [0x1f, ['waitable-set.new', 'none']],
  [0x20, ['waitable-set.wait', 'wait']],
  [0x21, ['waitable-set.poll', 'wait']],
  [0x22, ['waitable-set.drop', 'none']],
  [0x23, ['waitable.join', 'none']],
  [0x24, ['backpressure.inc', 'none']],
  [0x25, ['backpressure.dec', 'none']],
])

/** Those that are not here. */
const OTHERS: ReadonlyMap<number, string> = new Map([
  [0x08, 'backpressure.set'],
  [0x26, 'thread.index'],
  [0x27, 'thread.new-indirect'],
  [0x28, 'thread.resume-later'],
  [0x29, 'thread.suspend'],
  [0x2a, 'thread.suspend-then-resume'],
  [0x2b, 'thread.yield-then-resume'],
  [0x2c, 'thread.suspend-then-promote'],
  [0x2d, 'thread.yield-then-promote'],
  [0x40, 'thread.spawn-ref'],
  [0x41, 'thread.spawn-indirect'],
  [0x42, 'thread.available-parallelism'],
])

/** Throws `ComponentError`: one that is not here, or is broken. */
export function readCanonical(reader: ComponentReader): Definition {
  const form = reader.byte()
  switch (form) {
    case 0x00: {
      reader.expect(0)
      const index = reader.u32()
      const options = reader.options()
      return { kind: 'lift', function: index, options, type: reader.u32() }
    }
    case 0x01: {
      reader.expect(0)
      const index = reader.u32()
      const options = reader.options()
      if (options.postReturn !== undefined || options.callback !== undefined)
        throw malformed('found post-return or callback of a lowered function, wanted neither')
      return { kind: 'lower', function: index, options }
    }
    case 0x02:
      return { kind: 'resource.new', resource: reader.u32() }
    case 0x03:
      return { kind: 'resource.drop', resource: reader.u32() }
    case 0x04:
      return { kind: 'resource.rep', resource: reader.u32() }
    case 0x09: {
      const result = reader.result()
      return builtin('task.return', { result, options: reader.options() })
    }
    case 0x0a:
    case 0x0b:
      return builtin(form === 0x0a ? 'context.get' : 'context.set', { slot: readSlot(reader) })
    default:
      return readBuiltin(reader, form)
  }
}

function readBuiltin(reader: ComponentReader, form: number): Definition {
  const found = BUILTINS.get(form)
  if (found === undefined)
    throw unsupported(`the canonical function ${OTHERS.get(form) ?? String(form)}`)
  const [name, operands] = found
  switch (operands) {
    case 'none':
      return builtin(name, {})
    case 'type':
      return builtin(name, { type: reader.u32() })
    case 'options':
      return builtin(name, { options: reader.options() })
    case 'type, options': {
      const type = reader.u32()
      return builtin(name, { type, options: reader.options() })
    }
    case 'type, async': {
      const type = reader.u32()
      return builtin(name, { type, options: { ...NO_OPTIONS, isAsync: reader.flag() } })
    }
    case 'async':
      return builtin(name, { options: { ...NO_OPTIONS, isAsync: reader.flag() } })
    case 'cancel':
      reader.flag()
      return builtin(name, {})
    case 'wait':
      reader.flag()
      return builtin(name, { options: { ...NO_OPTIONS, memory: reader.u32() } })
  }
}

type Builtin = Extract<Definition, { readonly kind: 'builtin' }>

function builtin(
  name: BuiltinName,
  given: Partial<Pick<Builtin, 'type' | 'result' | 'options' | 'slot'>>,
): Definition {
  const none = { type: undefined, result: undefined, options: NO_OPTIONS, slot: 0 }
  return { kind: 'builtin', name, ...none, ...given }
}

function readSlot(reader: ComponentReader): number {
  const type = reader.byte()
  if (type !== I32) throw unsupported(`words of type ${type} that a task has`)
  const slot = reader.u32()
  if (slot >= CONTEXT_SLOTS)
    throw malformed(`found word ${slot} of a task, wanted one below ${CONTEXT_SLOTS}`)
  return slot
}
