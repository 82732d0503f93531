/** Brings what is to be published from a registry, when that is where it is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { type PulledArtifact, pullArtifact } from '../oci/pull-artifact.ts'
import { isOciReference } from '../oci/reference.ts'
import type { TransferProgress } from '../oci/transfer.ts'
import { type RegistryOptions, transferOptionsOf } from './registry-options.ts'

export interface PulledStep {
  readonly step: 'pull'
  /** For people: one line. */
  readonly note: string
  readonly found: { readonly digest: string; readonly bytes: number }
  readonly ms: number
}

export interface PullSourceOptions extends RegistryOptions {
  /** Called when an artifact has been brought. */
  readonly onPulled: (step: PulledStep) => void
  readonly onProgress: (progress: TransferProgress) => void
}

/**
 * Has `work` done with a path: of what has been brought from the registry, which is removed afterwards, or `source` itself.
 * Rejects with `OciError`, CLI_USAGE, and as `work` does.
 */
export async function withSource<Result>(
  source: string,
  options: PullSourceOptions,
  work: (path: string) => Promise<Result>,
): Promise<Result> {
  if (!isOciReference(source)) return await work(source)
  const transfer = await transferOptionsOf(source, options)
  const folder = await mkdtemp(join(tmpdir(), 'wasm-fpm-pull-'))
  try {
    const startMs = systemClock.nowMs()
    const { onProgress } = options
    const pulled = await pullArtifact(source, folder, { ...transfer, onProgress })
    options.onPulled({ ...noteOf(pulled), step: 'pull', ms: systemClock.nowMs() - startMs })
    return await work(pulled.path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function noteOf({ digest, bytes }: PulledArtifact): Pick<PulledStep, 'note' | 'found'> {
  return { note: `${digest}, ${bytes} bytes`, found: { digest, bytes } }
}
