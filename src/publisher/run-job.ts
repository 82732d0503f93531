/**
 * What the publisher's process does: verify, validate, harden, compile, probe. Each step says what it found. What only components take, or an import, is
 * loaded when there is one: a third of the start.
 */
import type { Clock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { nameSubject } from '../base/name-subject.ts'
import { openFile } from '../base/opened-file.ts'
import { checkStarter } from '../base/version.ts'
import type { HardenedComponent } from '../component/harden-component.ts'
import { isComponent } from '../component/preamble.ts'
import { compileComponent } from '../guest/components.ts'
import { type GuestModule, TABLE_LIMITS } from '../guest/guest-module.ts'
import { memoriesOf } from '../guest/memory-sizes.ts'
import { v8Refusal } from '../guest/v8-refusal.ts'
import { digestOf } from '../store/digest.ts'
import type {
  JobDone,
  JobFailed,
  JobImported,
  JobPrinted,
  ModuleJob,
  PrintJob,
  ProgressReport,
  PublisherJob,
  StepName,
  StepReport,
} from '../store/publisher-protocol.ts'
import type { HardenedModule } from '../store/release.ts'
import type { OnCode } from '../wasm/code-progress.ts'
import { CONTRACT_VERSION } from '../wasm/contract.ts'
import { type HardenOptions, type HardenReport, harden } from '../wasm/harden-module.ts'
import { importMemories } from '../wasm/import-memories.ts'
import { PublisherError } from './errors.ts'
import { probe } from './probe-request.ts'
import { type VerifiedModule, verifyModule } from './verify-module.ts'
import type { WasmTools } from './wasm-tools.ts'

export interface JobContext {
  readonly clock: Clock
  /** Of the process that was started for the job. */
  readonly argv: readonly string[]
  readonly onStep: (report: StepReport) => void
  /** Called once in `PROGRESS_MS` at most. */
  readonly onProgress: (report: ProgressReport) => void
  /** Called for components only. */
  readonly loadWasmTools: () => Promise<WasmTools>
}

const PROGRESS_MS = 50

export type JobResult =
  | { readonly event: JobDone; readonly bytes: Uint8Array }
  | { readonly event: JobImported | JobPrinted | JobFailed; readonly bytes: undefined }

type Found = Pick<StepReport, 'note' | 'found'>

/** One step: what it says when it is done. */
type RunStep = <Result>(
  name: StepName,
  work: () => Promise<Result> | Result,
  describe: (result: Result) => Found,
) => Promise<Result>

/** Never rejects: whatever is wrong with the module is in the result. */
export async function runJob(job: PublisherJob, context: JobContext): Promise<JobResult> {
  const { clock, onStep } = context
  let at: StepName = FIRST_STEPS[job.kind]
  const step: RunStep = async (name, work, describe) => {
    at = name
    const startMs = clock.nowMs()
    const result = await work()
    onStep({ event: 'step', step: name, ...describe(result), ms: clock.nowMs() - startMs })
    return result
  }
  try {
    checkStarter(context.argv)
    if (job.kind === 'module') return await makeModule(job, context, step)
    if (job.kind === 'print') return { event: await printJob(job, context), bytes: undefined }
    const { foundByImport, importApplication } = await import('./import-application.ts')
    await step('import', () => importApplication(job, clock), foundByImport)
    return { event: { event: 'imported' }, bytes: undefined }
  } catch (error) {
    return { event: { event: 'failed', step: at, error: toWire(error) }, bytes: undefined }
  }
}

const FIRST_STEPS: Readonly<Record<PublisherJob['kind'], StepName>> = {
  module: 'verify',
  import: 'import',
  print: 'validate',
}

async function makeModule(job: ModuleJob, context: JobContext, step: RunStep): Promise<JobResult> {
  const bytes = await readModule(job)
  const { name, lifetime } = job
  const { moduleBytes, functionBytes, hardenedBytes: outputBytes } = job.limits
  const limits = { moduleBytes, functionBytes, outputBytes }
  const { memoryBytes: memoryMaxBytes } = job.limits
  const verified = await step(
    'verify',
    () => verifyModule(bytes, { name, lifetime, limits }),
    foundInModule,
  )
  if (verified.kind === 'component') {
    const { foundByValidation, validateComponent } = await import('./validate-component.ts')
    const validate = async () =>
      validateComponent(bytes, `publish ${name}`, await context.loadWasmTools())
    await step('validate', validate, foundByValidation)
  }
  const hardened = await step(
    'harden',
    () =>
      hardenOne(bytes, name, {
        memoryMaxBytes,
        ...TABLE_LIMITS,
        limits,
        onCode: codeReporter(context),
      }),
    foundHardening,
  )
  const parts = await step(
    'compile',
    () =>
      compile(hardened.bytes, { name, original: bytes, isReactor: verified.kind === 'reactor' }),
    () => ({ note: 'V8 takes it', found: {} }),
  )
  const guest: GuestModule = {
    digest: digestOf(hardened.bytes),
    name,
    wasiNames: verified.wasiNames,
    images: [],
    ...parts,
    memoryMaxBytes,
    isResettable: verified.reset.isPossible,
  }
  await step(
    'probe',
    () => probe(guest, job, context.clock),
    (answer) => ({
      note: `${job.probe.method} ${job.probe.path} -> ${answer.status} ${answer.contentType}, ${answer.bodyBytes} bytes, ${answer.cpuMs.toFixed(1)} ms of CPU, ${answer.memoryBytes / 1024} KiB of memory`,
      found: { ...answer },
    }),
  )
  const { bytes: out } = hardened
  const facts: HardenedModule = {
    digest: guest.digest,
    bytes: out.length,
    contract: CONTRACT_VERSION,
    memoryMaxBytes,
    functionBytes: Math.max(...hardened.reports.map((report) => report.largestFunctionBytes)),
    memories: parts.memories.length,
    isResettable: verified.reset.isPossible,
  }
  return { event: { event: 'done', lifetime: verified.lifetime, hardened: facts }, bytes: out }
}

async function printJob(job: PrintJob, { loadWasmTools }: JobContext): Promise<JobPrinted> {
  const { printComponent } = await import('./validate-component.ts')
  const bytes = await readModule(job)
  const wit = await printComponent(bytes, `print ${job.name}`, await loadWasmTools())
  return { event: 'printed', wit }
}

function codeReporter({ clock, onProgress }: JobContext): OnCode {
  let saidMs = clock.nowMs()
  return (done, total) => {
    const nowMs = clock.nowMs()
    if (nowMs - saidMs < PROGRESS_MS) return
    saidMs = nowMs
    onProgress({ event: 'progress', step: 'harden', done, total })
  }
}

async function readModule({
  modulePath,
  name,
}: ModuleJob | PrintJob): Promise<Uint8Array<ArrayBuffer>> {
  try {
    using file = openFile(modulePath)
    const bytes = new Uint8Array(file.stats.size)
    return bytes.subarray(0, await file.fill(bytes))
  } catch (cause) {
    throw new PublisherError(
      'PUBLISHER_BAD_JOB',
      `Cannot publish ${name}: its module cannot be read (${String(cause)}), wanted to`,
      { cause },
    )
  }
}

/** Of a component: each of its modules. */
async function hardenOne(
  bytes: Uint8Array,
  name: string,
  options: HardenOptions,
): Promise<HardenedComponent> {
  const components = isComponent(bytes)
    ? await import('../component/harden-component.ts')
    : undefined
  return nameSubject(name, () => {
    if (components !== undefined) return components.hardenComponent(bytes, options)
    const { bytes: hardened, report } = harden(bytes, options)
    return { bytes: hardened, reports: [report] }
  })
}

interface Named {
  readonly name: string
  /** Before it was hardened. */
  readonly original: Uint8Array<ArrayBuffer>
  readonly isReactor: boolean
}

type Parts = Pick<GuestModule, 'module' | 'memories'> & Partial<GuestModule>

async function compile(
  hardened: Uint8Array<ArrayBuffer>,
  { name, original, isReactor }: Named,
): Promise<Parts> {
  if (isComponent(hardened)) return compileComponent(hardened, { name, contract: 'command' })
  const { bytes, memories: declared } = importMemories(hardened)
  const memories = memoriesOf(isReactor ? 'reactor' : 'command', declared)
  try {
    return { module: await WebAssembly.compile(bytes), memories, isReactor }
  } catch (cause) {
    throw new PublisherError(
      'PUBLISHER_INVALID_MODULE',
      `Cannot publish ${name}: V8 says "${v8Refusal(cause, original)}", wanted a valid module`,
      { cause },
    )
  }
}

function foundInModule(verified: VerifiedModule): Found {
  const { kind, functions, features, reset, wasiNames, lifetime } = verified
  const wasi = kind === 'component' ? 'interfaces of WASI' : 'WASI functions'
  const resets = reset.isPossible ? 'can be reset' : `cannot be reset: ${reset.reasons[0] ?? ''}`
  return {
    note: `${kind}, ${functions} functions, ${wasiNames.size} ${wasi}, ${features.join(' ') || 'WebAssembly 1.0'}; ${resets}; lifetime ${lifetime}`,
    found: {
      functions,
      wasi: [...wasiNames].sort(),
      features,
      isResettable: reset.isPossible,
      lifetime,
    },
  }
}

function foundHardening({ reports }: HardenedComponent): Found {
  const sum = (of: (report: HardenReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0)
  const bytesIn = sum((report) => report.bytesIn)
  const bytesOut = sum((report) => report.bytesOut)
  const checks = sum((report) => Object.values(report.checks).reduce((all, one) => all + one, 0))
  return {
    note: `${bytesIn} -> ${bytesOut} bytes, ${checks} checks`,
    found: { bytesIn, bytesOut, checks },
  }
}
