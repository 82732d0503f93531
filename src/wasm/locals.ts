/** The local declarations at the head of a function's body (core spec 5.5.13). */
import type { InstructionReader } from './instruction-reader.ts'
import { checkLimit, type ModuleLimits } from './limits.ts'
import { skipValueType } from './value-types.ts'
import type { FunctionType, Span } from './wasm-module.ts'

export interface LocalDeclarations {
  /** Groups of locals of one type, as encoded. */
  readonly groups: number
  /** The encoded groups, without their count. */
  readonly span: Span
}

/** Places `reader` on the first instruction of the function in `body` and tells it how many locals there are. */
export function enterFunction(
  reader: InstructionReader,
  body: Span,
  { type, limits }: { readonly type: FunctionType | undefined; readonly limits: ModuleLimits },
): LocalDeclarations {
  reader.pos = body.start
  reader.end = body.end
  const groups = reader.u32()
  const start = reader.pos
  reader.locals = type?.parameters ?? 0
  for (let index = 0; index < groups; index++) {
    reader.locals += reader.u32()
    checkLimit(limits, 'locals', reader.locals)
    skipValueType(reader, reader.spaces.types)
  }
  return { groups, span: { start, end: reader.pos } }
}
