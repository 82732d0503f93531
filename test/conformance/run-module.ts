/**
 * Runs one WASI command on the preview 1 host alone, without the rest of the project: the second way, besides
 * `wasm-fpm run`, to run the conformance suite.
 *
 *     node run-module.ts MODULE [--dir HOST::GUEST]... [--env K=V]... [-- ARGS...]
 */
import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import { PREVIEW1 } from '../../src/wasi/abi.ts'
import { ExitSignal } from '../../src/wasi/exit-signal.ts'
import { WasiHost } from '../../src/wasi/host.ts'
import { openHostDirectory } from '../../src/wasi/host-directory.ts'
import { promising } from '../../src/wasi/jspi.ts'
import { sinkToDescriptor, sourceFromReadable } from '../../src/wasi/node-streams.ts'
import { DEFAULT_WASI_LIMITS } from '../../src/wasi/session.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string', multiple: true, default: [] },
    env: { type: 'string', multiple: true, default: [] },
  },
})
const [path = '', ...args] = positionals
const module = new WebAssembly.Module(readFileSync(path))
const needed = WebAssembly.Module.imports(module).filter((item) => item.module === PREVIEW1)
const host = new WasiHost(new Set(needed.map((item) => item.name)))
const instance = new WebAssembly.Instance(module, { [PREVIEW1]: host.imports })
const { memory, _start: start } = instance.exports
if (!(memory instanceof WebAssembly.Memory)) throw new Error('no memory')
if (typeof start !== 'function') throw new Error('no _start')
host.attach(memory)
host.begin({
  args: [path.split('/').at(-1) ?? '', ...args],
  env: values.env.map((text) => Buffer.from(text).toString('latin1')),
  stdin: sourceFromReadable(process.stdin),
  stdout: sinkToDescriptor(1),
  stderr: sinkToDescriptor(2),
  preopens: values.dir.map((option) => {
    const [from = '', to = from] = option.split('::')
    return { guestPath: to, directory: openHostDirectory(from, { writable: true }) }
  }),
  clock: systemClock,
  random: (into) => randomFillSync(into),
  limits: DEFAULT_WASI_LIMITS,
})
// The clock's timers do not keep the process alive; a sleeping guest should.
const alive = setInterval(() => undefined, 60_000)
let exitCode = 0
try {
  await promising(start as () => void)()
} catch (error) {
  if (error instanceof ExitSignal) exitCode = error.exitCode ?? 0
  else {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    exitCode = 134
  }
}
clearInterval(alive)
host.end()
process.exit(exitCode & 0xff)
