/**
 * Which way branches go: a module made to count that while it runs, and the same module with hints of what was counted
 * (`metadata.code.branch_hint`). V8 keeps what a hint calls unlikely out of the way of the rest.
 */
import { ByteWriter, encodeU32 } from './byte-writer.ts'
import { CodeCopy } from './code-copy.ts'
import { BRANCH_HINT_SECTION, HintList } from './hint-list.ts'
import { InstructionReader } from './instruction-reader.ts'
import { UNLIMITED } from './limits.ts'
import { enterFunction } from './locals.ts'
import { OP } from './opcodes.ts'
import { TypeLookup } from './type-lookup.ts'
import { I32 } from './value-types.ts'
import { EXTERN_KINDS, SECTION, type Span, type WasmModule } from './wasm-module.ts'
import { appendEntries, writeModule } from './write-module.ts'

/** The memory that a counting module exports: two numbers for each branch, how often its condition was false and true, 32 bits each. */
export const COUNTS_EXPORT = 'branch_counts'

/** A branch that was taken less often is not known well enough. */
const LEAST_RUNS = 16
/** One way of a hinted branch was gone less often than this part. */
const RARE = 1 / 20

const PAGE_BYTES = 65_536
const BYTES_A_BRANCH = 8

export interface CountingModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** How many there are, in the order of the code. */
  readonly branches: number
}

/** A module that counts each `if` and `br_if`, and is the same beside that. */
export function countBranches(module: WasmModule): CountingModule {
  const out = new ByteWriter(module.bytes.length * 2)
  const call = [OP.call, ...encodeU32(module.spaces.functions)]
  let branches = 0
  const bodies = module.bodies.map((_, index): Span => {
    const start = out.length
    eachBranch(module, index, {
      out,
      onBranch: () => {
        out.byte(OP.i32Const)
        out.s32(branches++)
        out.append(call)
      },
    })
    return { start, end: out.length }
  })
  const pages = Math.ceil((branches * BYTES_A_BRANCH) / PAGE_BYTES)
  const memory = module.spaces.memories
  const name = new ByteWriter()
  name.name(COUNTS_EXPORT)
  const changed = new Map([
    [SECTION.type, appendEntries(module, SECTION.type, [[0x60, 2, I32, I32, 1, I32]])],
    [SECTION.function, appendEntries(module, SECTION.function, [encodeU32(module.types.length)])],
    [SECTION.memory, appendEntries(module, SECTION.memory, [[0, ...encodeU32(pages)]])],
    [
      SECTION.export,
      appendEntries(module, SECTION.export, [
        [...name.view(), EXTERN_KINDS.indexOf('memory'), ...encodeU32(memory)],
      ]),
    ],
    [SECTION.code, codeSection(out, bodies, counter(memory))],
  ])
  return {
    branches,
    bytes: writeModule(module, { changed, custom: new Map() }, UNLIMITED.outputBytes),
  }
}

/** The module with hints, in the place of those that it had. `counts`: what a counting module of it has in its memory. */
export function hintBranches(module: WasmModule, counts: Uint32Array): Uint8Array<ArrayBuffer> {
  const hints = new HintList(module.bodies.length)
  let branch = 0
  for (const [index, body] of module.bodies.entries()) {
    hints.begin(index)
    eachBranch(module, index, {
      onBranch: (at) => {
        const [untaken = 0, taken = 0] = counts.subarray(2 * branch, 2 * branch + 2)
        branch++
        const runs = untaken + taken
        if (runs < LEAST_RUNS) return
        if (taken <= runs * RARE) hints.add(at - body.start, HintList.UNLIKELY)
        else if (untaken <= runs * RARE) hints.add(at - body.start, HintList.LIKELY)
      },
    })
  }
  const custom = new Map([[BRANCH_HINT_SECTION, hints.encode(module.importedFunctions)]])
  return writeModule(module, { changed: new Map(), custom }, UNLIMITED.outputBytes)
}

interface Visit {
  /** Where the function is copied to; what `onBranch` writes to it comes before the branch. */
  readonly out?: ByteWriter
  /** `at`: where it is in the module. */
  readonly onBranch: (at: number) => void
}

/** Steps through defined function `index`. */
function eachBranch(module: WasmModule, index: number, { out, onBranch }: Visit): void {
  const body = module.bodies[index] ?? { start: 0, end: 0 }
  const reader = new InstructionReader(module.bytes, module.spaces)
  const type = new TypeLookup(module).ofFunction(index + module.importedFunctions)
  enterFunction(reader, body, { type, limits: UNLIMITED })
  out?.copy(module.bytes, body.start, reader.pos)
  const copy = out === undefined ? undefined : new CodeCopy(reader, out)
  copy?.begin()
  while (reader.pos < body.end) {
    const opcode = reader.next()
    if (opcode !== OP.if && opcode !== OP.brIf) continue
    copy?.before()
    onBranch(reader.at)
  }
  copy?.after()
}

function codeSection(
  out: ByteWriter,
  bodies: readonly Span[],
  more: readonly number[],
): Uint8Array {
  const section = new ByteWriter(out.length + bodies.length * 5 + more.length + 16)
  section.u32(bodies.length + 1)
  for (const { start, end } of bodies) {
    section.u32(end - start)
    section.copy(out.bytes, start, end)
  }
  section.u32(more.length)
  section.append(more)
  return section.view()
}

/** `(condition, branch) => { counts[2 * branch + (condition != 0)]++; return condition }` */
function counter(memory: number): number[] {
  const place = [0x42, ...encodeU32(memory), 0]
  return [
    0, // no locals
    ...[0x20, 1, 0x41, 1, 0x74], // branch << 1
    ...[0x20, 0, 0x41, 0, 0x47, 0x6a], // + (condition != 0)
    ...[0x41, 2, 0x74, 0x22, 1], // << 2, kept
    ...[0x20, 1, 0x28, ...place, 0x41, 1, 0x6a, 0x36, ...place], // one more there
    ...[0x20, 0, 0x0b],
  ]
}
