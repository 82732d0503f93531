/** What a program reads on its standard input: all of it, then its end. */
import type { Writable } from 'node:stream'

/** One that ends before it has read everything, or anything, has done so on purpose: that is no error of the test. */
export function feed(child: { readonly stdin: Writable }, text: string): void {
  child.stdin.on('error', () => undefined)
  child.stdin.end(text)
}
