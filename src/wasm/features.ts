/** Which proposals beyond WebAssembly 1.0 a module uses. */
import type { WasmModule } from './wasm-module.ts'

type OpcodeRange = readonly [first: number, last: number]

const BY_OPCODE: Readonly<Record<string, readonly OpcodeRange[]>> = {
  'sign-extension': [[0xc0, 0xc4]],
  'saturating-conversion': [[0xfc00, 0xfc07]],
  'bulk-memory': [[0xfc08, 0xfc0e]],
  'reference-types': [
    [0x1c, 0x1c],
    [0x25, 0x26],
    [0xd0, 0xd2],
    [0xfc0f, 0xfc11],
  ],
  simd: [[0xfd00, 0xfdff]],
  'relaxed-simd': [[0xfe00, 0xfe13]],
  'tail-call': [
    [0x12, 0x13],
    [0x15, 0x15],
  ],
  'legacy-exceptions': [
    [0x06, 0x07],
    [0x09, 0x09],
    [0x18, 0x19],
  ],
  exceptions: [
    [0x0a, 0x0a],
    [0x1f, 0x1f],
  ],
  'function-references': [
    [0x14, 0x15],
    [0xd3, 0xd6],
  ],
  'reference-casts': [[0xfb14, 0xfb1e]],
}

/** Sorted names. */
export function usedFeatures(module: WasmModule, usedOpcodes: Uint8Array): string[] {
  const features = Object.entries(BY_OPCODE)
    .filter(([, ranges]) =>
      ranges.some(([first, last]) => usedOpcodes.subarray(first, last + 1).includes(1)),
    )
    .map(([name]) => name)
  if (module.memories.length > 1) features.push('multi-memory')
  if (module.types.some(({ results }) => results > 1)) features.push('multi-value')
  if (
    module.spaces.tags > 0 &&
    !features.includes('exceptions') &&
    !features.includes('legacy-exceptions')
  ) {
    features.push('exceptions')
  }
  return features.sort()
}
