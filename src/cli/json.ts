/** `--json` of commands that print data. */
import { Option } from 'commander'
import { harmlessJson } from '../base/harmless.ts'

export function jsonOption(): Option {
  return new Option('--json', 'print JSON')
}

/** Prints one value. */
export function printJson(value: unknown): void {
  process.stdout.write(`${harmlessJson(JSON.stringify(value, undefined, 2))}\n`)
}
