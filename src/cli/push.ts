/** `wasm-fpm push`: sends a module, or a folder with a handler, to a registry of OCI artifacts. */
import { Command } from 'commander'
import { CodedError, toWire } from '../base/errors.ts'
import { type PushedArtifact, pushArtifact } from '../oci/push-artifact.ts'
import { formatReference, parseReference } from '../oci/reference.ts'
import { CliError } from './errors.ts'
import { ExitCode } from './exit-code.ts'
import { type Progress, startProgress } from './progress.ts'
import { type RegistryOptions, transferOptionsOf, withRegistryOptions } from './registry-options.ts'

interface PushCommandOptions extends RegistryOptions {
  readonly annotation: Readonly<Record<string, string>>
  readonly moduleOnly?: boolean
  readonly json?: boolean
}

export function pushCommand(): Command {
  const command = new Command('push')
    .description('send a module, or a folder with a handler, to a registry')
    .argument('<source>', 'a module, or a folder with a module, its files and wasm-fpm.json')
    .argument('<reference>', 'oci://HOST/REPOSITORY:TAG')
    .option('--annotation <KEY=TEXT>', 'say more about it; can be given several times', collect, {})
    .option('--module-only', 'leave manifest and files out, for tools that know modules only')
  return withRegistryOptions(command).option('--json', 'print JSON').action(run)
}

async function run(source: string, reference: string, options: PushCommandOptions): Promise<void> {
  const { annotation: annotations, moduleOnly } = options
  let bar: Progress | undefined
  try {
    const pushed = await pushArtifact(source, reference, {
      ...(await transferOptionsOf(reference, options)),
      createdMs: createdMsOf(process.env['SOURCE_DATE_EPOCH']),
      annotations,
      moduleOnly,
      onProgress: ({ doneBytes, totalBytes }) => {
        bar ??= startProgress('push', totalBytes)
        bar.update(doneBytes)
      },
    })
    bar?.end()
    process.stdout.write(
      options.json === true ? toJson(reference, pushed) : toText(reference, pushed),
    )
  } catch (error) {
    bar?.end()
    if (options.json !== true || !(error instanceof CodedError)) throw error
    process.stdout.write(`${JSON.stringify({ event: 'failed', error: toWire(error) })}\n`)
    process.exitCode = ExitCode.Failure
  }
}

/** `oci://.../shop:v1@sha256:...`: it can be given to `publish` as it is. */
function pinned(reference: string, { digest }: PushedArtifact): string {
  return formatReference({ ...parseReference(reference), digest })
}

function toJson(reference: string, pushed: PushedArtifact): string {
  const { digest, bytes, sharedBytes } = pushed
  const value = {
    event: 'pushed',
    reference: pinned(reference, pushed),
    digest,
    bytes,
    sharedBytes,
  }
  return `${JSON.stringify(value)}\n`
}

function toText(reference: string, pushed: PushedArtifact): string {
  const { bytes, sharedBytes } = pushed
  return `pushed ${bytes} bytes, ${sharedBytes} of them were there\n${pinned(reference, pushed)}\n`
}

function collect(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals > 0 && text.length <= 4096) {
    return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) }
  }
  throw new CliError('CLI_USAGE', `Cannot annotate with ${JSON.stringify(text)}: wanted KEY=TEXT`)
}

/** The variable by which builds that give the same bytes twice say what time it is, in seconds. */
function createdMsOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000
  throw new CliError(
    'CLI_USAGE',
    `Cannot use SOURCE_DATE_EPOCH: it is ${JSON.stringify(text)}, wanted seconds since 1970`,
  )
}
