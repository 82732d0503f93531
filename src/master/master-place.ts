/** By what others find a master: the socket that takes its commands, and the file with its process id. */
import type { Logger } from '../base/logger.ts'
import {
  adoptControlSocket,
  type ControlSocket,
  type Obey,
  openControlSocket,
} from './control-socket.ts'
import type { InheritedControl } from './heirloom.ts'
import { writePidFile } from './pid-file.ts'

export interface MasterPlaceOptions {
  readonly configFile: string
  readonly pidFile: string | undefined
  readonly logger: Logger
  readonly obey: Obey
}

export class MasterPlace {
  readonly #options: MasterPlaceOptions
  #control: ControlSocket | undefined
  #removePidFile: (() => void) | undefined
  #isLeft = false

  constructor(options: MasterPlaceOptions) {
    this.#options = options
  }

  /** `inherited`: from the master that this one follows. Throws `MasterError` (MASTER_ALREADY_RUNNING, MASTER_FILE). */
  async open(inherited?: InheritedControl | null): Promise<void> {
    const { configFile, logger, obey } = this.#options
    this.#control = inherited
      ? await adoptControlSocket(inherited, obey)
      : await openControlSocket(configFile, obey)
    if (this.#control === undefined) {
      logger.warn('no folder for the control socket: reload by SIGHUP only')
    }
    try {
      this.writePid()
    } catch (error) {
      if (inherited) this.#control?.leave()
      // It would keep the process, which commands would then take for a server.
      else await this.#control?.close()
      throw error
    }
  }

  /** Of the socket; null: there is none. */
  get control(): InheritedControl | null {
    return this.#control === undefined ? null : { fd: this.#control.fd, path: this.#control.path }
  }

  /** Also when somebody else has put another one there who is gone. */
  writePid(): void {
    const { pidFile } = this.#options
    if (pidFile === undefined || this.#isLeft) return
    this.#removePidFile = writePidFile(pidFile, process.pid)
  }

  /** It is another master's from here on. */
  leave(): void {
    this.#isLeft = true
    this.#control?.leave()
  }

  /** Resolves when all commands have been answered. */
  async close(): Promise<void> {
    this.#removePidFile?.()
    await this.#control?.close()
  }
}
