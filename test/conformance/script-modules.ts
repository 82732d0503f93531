/** The modules of a script, from text to bytes. */
import binaryen from 'binaryen'
import initWabt from 'wabt'
import { type Form, stringBytes } from './script-forms.ts'

const wabt = await initWabt()
const FEATURE_NAMES = [
  ...['exceptions', 'mutable_globals', 'sat_float_to_int', 'sign_extension', 'simd', 'threads'],
  ...[
    'function_references',
    'multi_value',
    'tail_call',
    'bulk_memory',
    'reference_types',
    'annotations',
  ],
  ...['memory64', 'multi_memory', 'extended_const', 'relaxed_simd', 'gc'],
]
const FEATURES = Object.fromEntries(FEATURE_NAMES.map((name) => [name, true]))

/** The binary of a `(module ...)` form; undefined where the text is not understood. */
export function encode(source: string, form: Form): Uint8Array<ArrayBuffer> | undefined {
  const items = form.items
    .slice(1)
    .filter(({ text }) => text === undefined || !/^\$|^definition$/.test(text))
  const kind = items[0]?.text
  const strings = items.slice(1).flatMap(({ text }) => stringBytes(text ?? '""'))
  if (kind === 'binary') return Uint8Array.from(strings)
  const text =
    kind === 'quote' ? Buffer.from(strings).toString() : source.slice(form.start, form.end)
  const plain = text.replace('(module definition', '(module')
  const fromWabt = encodeWithWabt(plain)
  const isGood = fromWabt !== undefined && WebAssembly.validate(fromWabt)
  return isGood ? fromWabt : (encodeWithBinaryen(plain) ?? fromWabt)
}

/** Undefined: not understood. */
export function encodeWithWabt(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const module = wabt.parseWat('script.wat', text, FEATURES)
    try {
      return Uint8Array.from(module.toBinary({}).buffer)
    } finally {
      module.destroy()
    }
  } catch {
    return undefined
  }
}

/** Knows the typed references that wabt does not. */
function encodeWithBinaryen(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const module = binaryen.parseText(text)
    try {
      module.setFeatures(binaryen.Features.All)
      return Uint8Array.from(module.emitBinary())
    } finally {
      module.dispose()
    }
  } catch {
    return undefined
  }
}

/** The exports of the module that scripts may import from. */
export function spectest(): WebAssembly.Exports {
  const prints = ['', 'i32', 'i64', 'f32', 'f64', 'i32_f32', 'f64_f64']
    .map(
      (types) =>
        `(func (export "print${types && `_${types}`}") ${types && `(param ${types.replace('_', ' ')})`})`,
    )
    .join('')
  const globals = ['i32', 'i64', 'f32', 'f64']
    .map(
      (type) =>
        `(global (export "global_${type}") ${type} (${type}.const ${type[0] === 'i' ? 666 : 666.6}))`,
    )
    .join('')
  const text = `(module ${prints} ${globals} (table (export "table") 10 20 funcref) (memory (export "memory") 1 2))`
  const bytes = encodeWithWabt(text)
  if (bytes === undefined) throw new Error(`Cannot read ${text}`)
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports
}
