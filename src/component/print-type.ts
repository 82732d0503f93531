/** Prints types so that two are the same exactly if they are printed alike: names of parameters apart, which are no matter. */
import type { FunctionType, ValueType } from './plan.ts'

/** `(borrow<wasi:io/streams#input-stream>, u64) -> result<list<u8>, ...>` */
export function printFunction({ isAsync, parameters, result }: FunctionType): string {
  return `${isAsync ? 'async ' : ''}(${parameters.map(printType).join(', ')}) -> ${result === undefined ? '()' : printType(result)}`
}

/** As of `printFunction`. */
export function printType(type: ValueType): string {
  switch (type.kind) {
    case 'primitive':
      return type.of
    case 'record':
      return `record{${type.fields.map(([name, field]) => `${name}: ${printType(field)}`).join(', ')}}`
    case 'tuple':
      return `tuple<${type.fields.map(([, field]) => printType(field)).join(', ')}>`
    case 'variant':
      return `variant{${type.cases.map(([name, payload]) => (payload === undefined ? name : `${name}(${printType(payload)})`)).join(', ')}}`
    case 'enum':
      return `enum{${type.cases.map(([name]) => name).join(', ')}}`
    case 'option':
      return `option<${printCase(type.cases[1]?.[1])}>`
    case 'result':
      return `result<${printCase(type.cases[0]?.[1])}, ${printCase(type.cases[1]?.[1])}>`
    case 'list':
      return `list<${printType(type.element)}>`
    case 'stream':
    case 'future':
      return `${type.kind}<${printCase(type.element)}>`
    case 'flags':
      return `flags{${type.names.join(', ')}}`
    case 'own':
    case 'borrow':
      return `${type.kind}<${type.resource}>`
  }
}

function printCase(payload: ValueType | undefined): string {
  return payload === undefined ? '_' : printType(payload)
}
