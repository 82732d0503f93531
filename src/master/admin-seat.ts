/** Who serves the admin API: nobody, a process, or for a while the old one and its successor. */

import type { Config } from '../config/config.ts'
import type { AdminSettings } from '../ipc/admin-messages.ts'
import { findAccount, readAccountSource } from './account.ts'
import { type AdminParts, AdminProcess } from './admin-process.ts'
import { MasterError } from './errors.ts'
import type { HeldSocket, Listening } from './sockets.ts'

/** The listening sockets of the configuration: those of pools, and those of the admin API. */
export function listeningOf({ pools, admin }: Config): readonly Listening[] {
  return admin === undefined ? pools : [...pools, { name: 'admin', ...admin }]
}

interface Prepared {
  readonly settings: AdminSettings<Config> | undefined
  /** The successor, ready; undefined: there is to be none, or the old one stays. */
  readonly successor: AdminProcess | undefined
}

export class AdminSeat {
  readonly #configFile: string
  readonly #parts: AdminParts
  #holder: AdminProcess | undefined
  #prepared: Prepared | undefined
  /** On its way to being ready. */
  #starting: AdminProcess | undefined
  #isOver = false
  /** Of holders that have left. */
  #droppedBefore = 0

  constructor(configFile: string, parts: AdminParts) {
    this.#configFile = configFile
    this.#parts = parts
  }

  /** Lines that the logs of its processes have dropped since the server's start. */
  get droppedLines(): number {
    return this.#droppedBefore + (this.#holder?.droppedLines ?? 0)
  }

  /** First half of a reload. `sockets`: open. When the successor cannot start, nothing has changed, and that is thrown. */
  async prepare(config: Config, sockets: readonly HeldSocket[]): Promise<void> {
    if (this.#isOver) throw stopping()
    const { admin } = config
    if (admin === undefined) {
      this.#prepared = { settings: undefined, successor: undefined }
      return
    }
    const source = readAccountSource()
    const settings = {
      settings: config,
      configFile: this.#configFile,
      users: usersOf(config, source),
    }
    if (this.#holder?.fits(config) === true) {
      this.#prepared = { settings, successor: undefined }
      return
    }
    const account = findAccount({ ...admin, name: 'admin' }, source)
    const isRoot = source.uid === 0 && (account === undefined || account.uid === 0)
    if (isRoot) this.#parts.logger.warn('the admin API runs as root: [admin] has no user')
    const successor = new AdminProcess(settings, { account, sockets }, this.#parts)
    this.#starting = successor
    try {
      await successor.start()
      this.#prepared = { settings, successor }
    } finally {
      this.#starting = undefined
    }
  }

  /** Second half of a reload. `graceMs`: what the old process gets to finish. */
  commit(graceMs: number): void {
    const prepared = this.#prepared
    this.#prepared = undefined
    if (prepared === undefined) return
    const { settings, successor } = prepared
    if (settings !== undefined && successor === undefined) {
      this.#holder?.update(settings)
      return
    }
    void this.#holder?.drain(graceMs)
    this.#droppedBefore += this.#holder?.droppedLines ?? 0
    this.#holder = successor
  }

  /** Instead of `commit`. */
  async abandon(): Promise<void> {
    const { successor } = this.#prepared ?? {}
    this.#prepared = undefined
    await successor?.drain(0)
  }

  /** For good. Resolves when no process is left. */
  async drain(graceMs: number): Promise<void> {
    this.#isOver = true
    const all = [this.#holder, this.#starting, this.#prepared?.successor]
    await Promise.all(all.map((one) => one?.drain(graceMs)))
  }
}

/** Whom modules of each pool's tenants are verified as. */
function usersOf(
  { pools }: Config,
  source: ReturnType<typeof readAccountSource>,
): AdminSettings<Config>['users'] {
  const users: Record<string, { readonly uid: number; readonly gid: number }> = {}
  for (const pool of pools) {
    const account = findAccount(pool, source)
    if (account !== undefined) users[pool.name] = { uid: account.uid, gid: account.gid }
  }
  return users
}

function stopping(): MasterError {
  return new MasterError(
    'MASTER_BUSY',
    'Cannot start the admin API: the master is stopping, wanted one that serves',
  )
}
