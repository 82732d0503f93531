/** One job of the publisher under test, in a folder of its own, and the modules it is given. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { VERSION_ARGUMENT } from '../../../src/base/version.ts'
import { runJob } from '../../../src/publisher/run-job.ts'
import { loadWasmTools, type WasmTools } from '../../../src/publisher/wasm-tools.ts'
import type {
  ModuleJob,
  ProgressReport,
  StepReport,
} from '../../../src/store/publisher-protocol.ts'
import { wat } from '../../support/wat.ts'

/** A command that prints `output`, then runs `after`. */
export function printing(output: string, after = '', more = ''): Uint8Array {
  return writing(1, [output, after, more])
}

/** The same, to standard error. */
export function complaining(output: string, after = ''): Uint8Array {
  return writing(2, [output, after, ''])
}

function writing(fd: number, [output, after, more]: readonly [string, string, string]): Uint8Array {
  const data = [...Buffer.from(output, 'latin1')]
    .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    .join('')
  return wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "${data}")
    ${more}
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const ${output.length}))
      (drop (call $fd_write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 8)))
      ${after}))`)
}

export const HELLO = 'Content-Type: text/plain\n\nhello caf\xc3\xa9'

export const LIMITS: ModuleJob['limits'] = {
  moduleBytes: 1_000_000,
  functionBytes: 1_000_000,
  hardenedBytes: 1_000_000,
  memoryBytes: 1_048_576,
  // Enough for a machine that others use as well.
  cpuMs: 200,
  wallMs: 4000,
  responseBodyBytes: 1000,
}

export interface RunOptions {
  readonly argv?: readonly string[]
  /** Default: what is installed. */
  readonly wasmTools?: WasmTools
}

/** Runs a job with `module`, and tells of its steps. */
export async function run(
  module: Uint8Array,
  changes: Partial<ModuleJob> = {},
  clock: Clock = systemClock,
  { argv = [VERSION_ARGUMENT], wasmTools }: RunOptions = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-job-'))
  try {
    const modulePath = join(folder, 'module')
    writeFileSync(modulePath, module)
    const steps: StepReport[] = []
    const shares: ProgressReport[] = []
    const job: ModuleJob = {
      kind: 'module',
      name: 'acme/main',
      modulePath,
      imagePath: null,
      abi: 'cgi',
      lifetime: null,
      env: {},
      scriptName: '',
      probe: { method: 'GET', path: '/', headers: {}, body: '' },
      limits: LIMITS,
      ...changes,
    }
    const result = await runJob(job, {
      argv,
      clock,
      onStep: (step) => steps.push(step),
      onProgress: (share) => shares.push(share),
      loadWasmTools: async () => wasmTools ?? loadWasmTools(),
    })
    return { ...result, steps, shares }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
