/** `wasm-fpm run MODULE`: runs one WASI command with standard streams connected and exits with its code. */

import { randomFillSync } from 'node:crypto'
import { basename } from 'node:path'
import { isatty } from 'node:tty'
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CompileCache } from '../guest/compile-cache.ts'
import { runToEnd } from '../guest/engine.ts'
import { FaultConduct } from '../guest/fault-conduct.ts'
import { GuestInstance } from '../guest/instance.ts'
import type { Outcome } from '../guest/outcome.ts'
import { openHostDirectory } from '../wasi/host-directory.ts'
import { sinkToDescriptor, sourceFromReadable } from '../wasi/node-streams.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../wasi/session.ts'
import { MAX_FUNCTION_BYTES } from '../wasm/limits.ts'
import { ExitCode } from './exit-code.ts'
import { readModuleFile } from './read-module-file.ts'

/** All that 32-bit memory can have. */
const MAX_MEMORY_BYTES = 4 * 1024 * 1024 * 1024

/** There is nobody to share the thread with but our own streams. */
const SLICE_MS = 10

interface RunOptions {
  readonly dir: readonly string[]
  readonly env: readonly string[]
}

export function runCommand(): Command {
  return new Command('run')
    .description(
      'run one WASI command with standard input and output connected; exits with its code',
    )
    .argument(
      '<module>',
      'the WebAssembly module (WASI preview 1), or a component of wasi:cli/command',
    )
    .argument('[args...]', "the program's arguments, after --")
    .option(
      '--dir <HOST[::GUEST]>',
      'let the program read and write a directory (repeatable)',
      collect,
      [],
    )
    .option(
      '--env <K=V>',
      'set an environment variable (repeatable); nothing is inherited',
      collect,
      [],
    )
    .action(run)
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

async function run(path: string, args: readonly string[], options: RunOptions): Promise<void> {
  const module = await new CompileCache().compile(readModuleFile(path), {
    name: basename(path),
    memoryMaxBytes: MAX_MEMORY_BYTES,
    functionBytes: MAX_FUNCTION_BYTES,
    contract: 'command',
  })
  const { outcome } = await runToEnd(new GuestInstance(module, systemClock), {
    cpuMs: Number.POSITIVE_INFINITY,
    wallMs: Number.POSITIVE_INFINITY,
    sliceMs: SLICE_MS,
    faults: new FaultConduct(systemClock),
    waitTurn: setImmediate,
    takeTurn: (wake) => wake(),
    onWait: () => undefined,
    grants: {
      args: [basename(path), ...args].map(asBytes),
      env: options.env.map(asBytes),
      settings: Object.fromEntries(options.env.map(nameAndValue)),
      stdin: sourceFromReadable(process.stdin),
      stdout: sinkToDescriptor(1),
      stderr: sinkToDescriptor(2),
      terminals: [isatty(0), isatty(1), isatty(2)],
      preopens: options.dir.map(openPreopen),
      clock: systemClock,
      random: (into) => randomFillSync(into),
      limits: DEFAULT_WASI_LIMITS,
    },
  })
  process.exit(exitCodeOf(outcome))
}

function nameAndValue(setting: string): readonly [string, string] {
  const at = setting.indexOf('=')
  return at < 0 ? [setting, ''] : [setting.slice(0, at), setting.slice(at + 1)]
}

function openPreopen(option: string): Preopen {
  const [host = '', guest = host] = option.split('::')
  return { guestPath: asBytes(guest), directory: openHostDirectory(host, { writable: true }) }
}

/** Text as UTF-8 bytes, one char a byte. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function exitCodeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code & 0xff
    case 'trapped':
      sinkToDescriptor(2).write(
        Buffer.from(
          `wasm-fpm: the program trapped: ${outcome.message}\n${outcome.backtrace.map((frame) => `    at ${frame}\n`).join('')}`,
        ),
      )
      return ExitCode.Trapped
    case 'killed':
      return ExitCode.Failure
  }
}
