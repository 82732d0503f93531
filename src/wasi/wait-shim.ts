/**
 * Lets a call that need not wait return at once.
 *
 * V8 suspends the guest at every call of a `WebAssembly.Suspending` import, also when the answer is there already:
 * others may run before the guest does. So calls that may wait go through a Wasm function that asks a plain import first and
 * calls a suspending one only when the answer is "wait":
 *
 *     name(a, b, ...) = let answer = plain.name(a, b, ...) in if answer == MUST_WAIT then wait() else answer
 */
import { suspending } from './jspi.ts'

/** Answers a number that is not `MUST_WAIT`, or a promise of one: then the guest is suspended. */
export type WaitingCall = (...args: never[]) => number | Promise<number>

/** What the plain import answers when the guest must wait. */
const MUST_WAIT = -1

const [I32, I64, FUNC, END] = [0x7f, 0x7e, 0x60, 0x0b]

/**
 * Compiles a shim for functions with these names and parameters (i: i32, I: i64; at most nine), all answering i32. The function
 * returned makes one instance of it, whose exports have the same names; all calls of one instance are one guest's.
 */
export function compileWaitShim<Name extends string>(
  parameters: Readonly<Record<Name, string>>,
): (calls: Readonly<Record<Name, WaitingCall>>) => Readonly<Record<Name, WebAssembly.ExportValue>> {
  const names = Object.keys(parameters) as Name[]
  const module = new WebAssembly.Module(shimModule(names.map((name) => [name, parameters[name]])))
  return (calls) => {
    let pending: Promise<number> | undefined
    const host: Record<string, WebAssembly.ImportValue> = {
      wait: suspending(() => pending ?? MUST_WAIT),
    }
    for (const name of names) {
      const call = calls[name] as (...args: unknown[]) => number | Promise<number>
      const take = (answer: number | Promise<number>): number => {
        if (typeof answer === 'number') return answer
        pending = answer
        return MUST_WAIT
      }
      // A list of parameters would cost more than the call, and so do some that are not there.
      host[name] =
        parameters[name].length <= 5
          ? (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown) =>
              take(call(a, b, c, d, e))
          : (...[a, b, c, d, e, f, g, h, i]: unknown[]) => take(call(a, b, c, d, e, f, g, h, i))
    }
    const { exports } = new WebAssembly.Instance(module, { host })
    return exports as Readonly<Record<Name, WebAssembly.ExportValue>>
  }
}

function shimModule(signatures: ReadonlyArray<readonly [string, string]>): Uint8Array<ArrayBuffer> {
  const waitIndex = signatures.length
  // Type n: that of function n. Imports: the plain functions, then `wait`. Functions: one for each.
  const all = [...signatures, ['wait', ''] as const]
  const types = all.map(([, letters]) => [
    ...[FUNC, letters.length, ...[...letters].map((letter) => (letter === 'I' ? I64 : I32))],
    ...[1, I32],
  ])
  const imports = all.map(([name], index) => [...text('host'), ...text(name), 0, index])
  const exports = signatures.map(([name], index) => [...text(name), 0, waitIndex + 1 + index])
  const bodies = signatures.map(([, letters], index) => {
    const parameters = Array.from(letters, (_, local) => [0x20, local]).flat()
    const answer = letters.length // the one local, behind the parameters
    const body = [
      ...[1, 1, I32],
      ...[...parameters, 0x10, index, 0x22, answer], // local.tee answer (call plain)
      ...[0x41, 0x7f, 0x46], // i32.eq MUST_WAIT
      ...[0x04, I32, 0x10, waitIndex, 0x05, 0x20, answer, END, END],
    ]
    return [body.length, ...body]
  })
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, imports),
    ...section(
      3,
      signatures.map((_, index) => [index]),
    ),
    ...section(7, exports),
    ...section(10, bodies),
  ])
}

function text(value: string): number[] {
  return [value.length, ...Buffer.from(value)]
}

/** Everything here is under 2^14 bytes, and under 128 entries. */
function section(id: number, entries: ReadonlyArray<readonly number[]>): number[] {
  const content = [entries.length, ...entries.flat()]
  return [id, (content.length & 0x7f) | 0x80, content.length >> 7, ...content]
}
