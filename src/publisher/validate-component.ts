/** Step between our own checks and hardening, for components: wasm-tools has to take it for one, too, and prints its world. */
import { toWire } from '../base/errors.ts'
import { harmless, harmlessLines } from '../base/harmless.ts'
import { WASM_TOOLS_PACKAGE } from '../base/wasm-tools-file.ts'
import type { FoundValue } from '../store/publisher-protocol.ts'
import { PublisherError } from './errors.ts'
import type { WasmTools } from './wasm-tools.ts'

export interface Validated {
  /** Null: it is longer than `MAX_WIT_BYTES`, or nobody was asked. */
  readonly wit: string | null
  /** Why nobody was asked. */
  readonly missing: string | null
}

/** Of the text that a component's world is printed as: what is longer is not kept. */
export const MAX_WIT_BYTES = 256 * 1024

/** Of what wasm-tools says is wrong, in characters. */
const MAX_REASON = 300

/** Of a name in the line for people. */
const MAX_NAME = 80

/** `doing`: begins the sentence after "Cannot". Rejects with PUBLISHER_INVALID_COMPONENT. */
export async function validateComponent(
  bytes: Uint8Array,
  doing: string,
  tools: WasmTools,
): Promise<Validated> {
  if ('missing' in tools) return { wit: null, missing: tools.missing }
  let text: string
  try {
    text = await tools.printWit(bytes)
  } catch (cause) {
    throw new PublisherError(
      'PUBLISHER_INVALID_COMPONENT',
      `Cannot ${doing}: wasm-tools says "${reasonOf(cause)}", wanted a valid component`,
      { cause },
    )
  }
  const wit = harmlessLines(text)
  return { wit: Buffer.byteLength(wit) > MAX_WIT_BYTES ? null : wit, missing: null }
}

/** `Failed to decode wit component`, and in a line of its own what is the matter. */
function reasonOf(cause: unknown): string {
  const lines = toWire(cause)
    .message.replace(/^Error: /, '')
    .split('\n')
  return harmless(lines.join(': ')).slice(0, MAX_REASON)
}

/** Rejects as `validateComponent` does, and with PUBLISHER_NO_WIT. */
export async function printComponent(
  bytes: Uint8Array,
  doing: string,
  tools: WasmTools,
): Promise<string> {
  const { wit, missing } = await validateComponent(bytes, doing, tools)
  if (wit !== null) return wit
  const actual = missing === null ? TOO_LONG : `wasm-tools does that, and ${missing}`
  const wanted = missing === null ? 'less' : `npm's ${WASM_TOOLS_PACKAGE}`
  throw new PublisherError('PUBLISHER_NO_WIT', `Cannot ${doing}: ${actual}, wanted ${wanted}`)
}

const TOO_LONG = `its world is longer than ${MAX_WIT_BYTES} bytes of WIT`

export function foundByValidation({ wit, missing }: Validated): {
  readonly note: string
  readonly found: Readonly<Record<string, FoundValue>>
} {
  const found = { isValidated: missing === null, reason: missing, wit }
  return { note: noteOf({ wit, missing }), found }
}

function noteOf({ wit, missing }: Validated): string {
  if (missing !== null)
    return `held to our own checks alone: wasm-tools was not asked, ${missing} (npm's ${WASM_TOOLS_PACKAGE})`
  if (wit === null) return `wasm-tools takes it; ${TOO_LONG}`
  const imports = wit.match(/^ {2}import /gm)?.length ?? 0
  const exported = [...wit.matchAll(/^ {2}export ([^;\n]*)/gm)].map(([, one = '']) =>
    one.replace(/: .*/, '').slice(0, MAX_NAME),
  )
  return `wasm-tools takes it: ${imports} imports, exports ${exported.slice(0, 3).join(', ') || 'nothing'}`
}
