/** What V8 has against a module, in words that fit the module somebody has at hand. */
import { CodedError } from '../base/errors.ts'

/** Names in it are as long as V8 leaves them. */
const LONGEST = 300

/**
 * `cause`: why V8 refused it as hardened. Where V8 refuses `original` as well, it is asked about that one: then the function and
 * the offset are those of the module as published.
 */
export function v8Refusal(cause: unknown, original?: Uint8Array<ArrayBuffer>): string {
  if (cause instanceof CodedError) return cause.message
  const ofOriginal = original === undefined ? undefined : refusalOf(original)
  if (ofOriginal !== undefined) return ofOriginal
  return `${said(cause).replace(/ @\+\d+$/, '')}, as hardened`
}

function refusalOf(original: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    new WebAssembly.Module(original)
    return undefined
  } catch (error) {
    return said(error)
  }
}

function said(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/^WebAssembly\.\w+\(\): /, '').slice(0, LONGEST)
}
