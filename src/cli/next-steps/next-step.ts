/** What whoever reads an error can do about it: said behind the message of every command. */
import * as publishing from './publishing.ts'
import * as requests from './requests.ts'
import * as serving from './serving.ts'

/** Every code of every folder: a code without a row does not compile. */
export const NEXT_STEPS: Readonly<Record<string, string>> = Object.assign(
  {},
  ...[serving, requests, publishing].flatMap((tables) => Object.values(tables)),
)

/** Undefined: a fault of ours, which has no code. */
export function nextStep(code: string): string | undefined {
  return Object.hasOwn(NEXT_STEPS, code) ? NEXT_STEPS[code] : undefined
}
