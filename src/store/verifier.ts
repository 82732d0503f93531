/**
 * The publisher's process of one publication. It can be begun while the source is still read, which takes about as long as its start; the job
 * comes when there is one. It may read what is in its folder, and nothing else that is the publisher's: the workspace, or, where it runs
 * as somebody else, who cannot reach that and should not have to, a folder of copies.
 */
import { chown, cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeFileError } from './errors.ts'
import {
  type PublisherAccount,
  type PublisherResult,
  type RunPublisherOptions,
  runImport,
  runPrint,
  runPublisher,
  StartedPublisher,
} from './publisher-process.ts'
import type { ImportJob, ModuleJob, PrintJob, PublisherJob } from './publisher-protocol.ts'

export class Verifier {
  readonly #options: RunPublisherOptions
  readonly #workspace: string
  /** Of copies, once it is made. */
  #folder: string | undefined
  #started: StartedPublisher | undefined

  /** `workspace`: a folder of nothing but what is published. */
  constructor(workspace: string, options: RunPublisherOptions) {
    this.#workspace = workspace
    this.#options = options
  }

  /** Starts the process for a module that is not there yet. Rejects with `StoreError`. */
  async begin(): Promise<void> {
    const { account } = this.#options
    const folder = account === undefined ? this.#workspace : await this.#copies()
    this.#started = new StartedPublisher([folder], account)
  }

  /** Rejects as `runPublisher` does, or with `StoreError`. */
  async verify(job: ModuleJob): Promise<PublisherResult> {
    const { modulePath, imagePath } = job
    const readable = await this.#readable(job, { modulePath, imagePath })
    return runPublisher(readable, { ...this.#options, started: this.#started })
  }

  /** The runtime's module belongs to the machine. Rejects as `runImport` does, or with `StoreError`. */
  async import(job: ImportJob): Promise<void> {
    const { imagePath } = job
    await runImport(await this.#readable(job, { imagePath }), this.#options)
  }

  /** Rejects as `runPrint` does, or with `StoreError`. */
  async print(job: PrintJob): Promise<string> {
    const { modulePath } = job
    return runPrint(await this.#readable(job, { modulePath }), this.#options)
  }

  /** Nothing is left of it when this resolves. Idempotent; never rejects. */
  async close(): Promise<void> {
    await this.#started?.stop()
    if (this.#folder === undefined) return
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined)
  }

  /** `paths`: those of the job that lie in the workspace. */
  async #readable<Job extends PublisherJob>(job: Job, paths: Copied): Promise<Job> {
    const { account } = this.#options
    return account === undefined ? job : { ...job, ...(await this.#copy(paths, account)) }
  }

  async #copies(): Promise<string> {
    try {
      this.#folder ??= await mkdtemp(join(tmpdir(), 'wasm-fpm-publish-'))
      return this.#folder
    } catch (cause) {
      throw storeFileError('copy the module', cause)
    }
  }

  /** Where the copies are. */
  async #copy(paths: Copied, { uid, gid }: PublisherAccount): Promise<Copied> {
    const folder = await this.#copies()
    try {
      const copies: Record<string, string | null> = {}
      for (const [name, path] of Object.entries(paths)) {
        copies[name] = path === null ? null : join(folder, name)
        if (path !== null) await cp(path, join(folder, name), { recursive: true })
      }
      for (const entry of await readdir(folder, { recursive: true })) {
        await chown(join(folder, entry), uid, gid)
      }
      await chown(folder, uid, gid)
      return copies
    } catch (cause) {
      throw storeFileError('copy the module', cause)
    }
  }
}

type Copied = Readonly<Record<string, string | null>>
