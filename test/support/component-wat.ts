/** Component text to bytes, so that a test shows the component it means. */
import { readFileSync } from 'node:fs'
import { parse } from '@bytecodealliance/jco'

/** The component's binary. It is not validated: what is wrong with it is the test's. */
export async function componentWat(source: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await parse(source))
}

/** Answers requests with how often it has answered before, and the path. */
export const HELLO_WAT: string = readFileSync('guests/component/hello.wat', 'utf8')
/** Answers requests of wasi:http 0.3 so, and with their bodies. */
export const HELLO_3_WAT: string = readFileSync('guests/component/hello-3.wat', 'utf8')
/** A command of wasi:cli 0.3 that prints what it reads. */
export const COPY_3_WAT: string = readFileSync('guests/component/copy-3.wat', 'utf8')
/** A command that counts its requests in the bucket `counts`, behind what the operator has set as `GREETING`. */
export const COUNTER_WAT: string = readFileSync('guests/component/counter.wat', 'utf8')

/** Code that traps where the condition, an i32, is 0. */
export const wants = (condition: string): string =>
  `(if (i32.eqz ${condition}) (then (unreachable)))`
