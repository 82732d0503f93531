/** What the publisher's process reads, where it can: it may be another user, who cannot reach the workspace and should not have to. */
import { chown, cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeFileError } from './errors.ts'
import type { PublisherAccount } from './publisher-process.ts'
import type { PublisherJob } from './publisher-protocol.ts'

/** Runs `job` with copies of what belongs to the workspace: a runtime's module does not. Rejects as `run` does, or with `StoreError`. */
export async function withReadableCopy<Job extends PublisherJob, Result>(
  job: Job,
  account: PublisherAccount | undefined,
  run: (job: Job) => Promise<Result>,
): Promise<Result> {
  if (account === undefined) return run(job)
  const { uid, gid } = account
  let folder: string | undefined
  try {
    folder = await mkdtemp(join(tmpdir(), 'wasm-fpm-publish-'))
    const modulePath = job.kind === 'module' ? join(folder, 'module') : job.modulePath
    const imagePath = job.imagePath === null ? null : join(folder, 'image')
    if (job.kind === 'module') await cp(job.modulePath, modulePath)
    if (job.imagePath !== null && imagePath !== null) {
      await cp(job.imagePath, imagePath, { recursive: true })
    }
    for (const entry of await readdir(folder, { recursive: true })) {
      await chown(join(folder, entry), uid, gid)
    }
    await chown(folder, uid, gid)
    return await run({ ...job, modulePath, imagePath })
  } catch (cause) {
    if (cause instanceof Error && 'errno' in cause) throw storeFileError('copy the module', cause)
    throw cause
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}
