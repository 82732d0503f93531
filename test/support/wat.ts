/** WebAssembly text to bytes, so that a test shows the module it means. */
import wabt from 'wabt'

const toolkit = await wabt()

/** Features that wabt leaves off by default. */
const FEATURES = {
  exceptions: true,
  tail_call: true,
  reference_types: true,
  bulk_memory: true,
  multi_memory: true,
}

/** The module's binary. `name`: for error messages. */
export function wat(source: string, name = 'test.wat'): Uint8Array<ArrayBuffer> {
  const module = toolkit.parseWat(name, source, FEATURES)
  try {
    return new Uint8Array(module.toBinary({}).buffer)
  } finally {
    module.destroy()
  }
}
