/** The master of the old program, as the one sees it that follows it. */
import { CodedError, toWire } from '../base/errors.ts'
import { asRawSocket, asSendHandle, type RawSocket } from '../base/raw-socket.ts'
import { VERSION } from '../base/version.ts'
import { Departures } from './departures.ts'
import {
  HEIRLOOM_FORMAT,
  type Heirloom,
  SUCCESSOR_VARIABLE,
  type ToPredecessor,
  type ToSuccessor,
} from './heirloom.ts'
import { upgradeFailed } from './successor.ts'

export class Predecessor {
  readonly heirloom: Heirloom
  readonly departures = new Departures()
  readonly #takeOver = Promise.withResolvers<void>()
  readonly #over = Promise.withResolvers<void>()
  #adopt: ((address: string, connection: RawSocket) => void) | undefined

  constructor(heirloom: Heirloom) {
    this.heirloom = heirloom
    process.on('message', (message, handle) => {
      this.#hear(message as ToSuccessor, asRawSocket(handle))
    })
    // It has died: what it had is ours, and nobody else's.
    process.once('disconnect', () => {
      this.#takeOver.resolve()
      this.#over.resolve()
    })
  }

  /** `addresses`: where this process serves, as bound. Resolves when everything is to be taken over. */
  async prepared(addresses: readonly string[]): Promise<void> {
    await say({ kind: 'prepared', version: VERSION, addresses })
    await this.#takeOver.promise
  }

  /** Everything has been. `adopt` takes the connections that come. Resolves when this process is alone. */
  async taken(adopt: (address: string, connection: RawSocket) => void): Promise<void> {
    this.#adopt = adopt
    await say({ kind: 'taken' })
    await this.#over.promise
  }

  /** This process cannot start after all: its idle connections go back. Where one does not go, it is closed. */
  adopt(address: string, connection: RawSocket): void {
    if (!process.connected) {
      connection.close()
      return
    }
    const message: ToPredecessor = { kind: 'give-back', address }
    this.departures.send(connection, (gift, done) => {
      process.send?.(message, asSendHandle(gift), undefined, done)
    })
  }

  /** Tells why, and lets go. */
  async failed(error: unknown): Promise<void> {
    await say({ kind: 'failed', error: toWire(error) })
    if (process.connected) process.disconnect?.()
  }

  #hear(message: ToSuccessor, connection: RawSocket | undefined): void {
    switch (message.kind) {
      case 'take-over':
        this.#takeOver.resolve()
        return
      case 'over':
        this.#over.resolve()
        return
      case 'adopt':
        if (connection === undefined) return
        if (this.#adopt === undefined) connection.close()
        else this.#adopt(message.address, connection)
        return
      case 'inherit':
        return
    }
  }
}

/**
 * Undefined: this process follows nobody. To be called once, at the start. Throws `MasterError` (MASTER_UPGRADE_FAILED) for a
 * predecessor that speaks otherwise.
 */
export async function meetPredecessor(): Promise<Predecessor | undefined> {
  const isSuccessor = process.env[SUCCESSOR_VARIABLE] === `${process.ppid}` && process.connected
  delete process.env[SUCCESSOR_VARIABLE]
  if (!isSuccessor) return undefined
  const { promise, resolve, reject } = Promise.withResolvers<Heirloom>()
  const gone = (): void =>
    reject(upgradeFailed('the old program went away before it said anything'))
  process.once('disconnect', gone)
  process.once('message', (message: ToSuccessor) => {
    const format = message.kind === 'inherit' ? message.heirloom.format : undefined
    if (message.kind === 'inherit' && format === HEIRLOOM_FORMAT) resolve(message.heirloom)
    else
      reject(
        upgradeFailed(`the old program hands over in format ${format}, not ${HEIRLOOM_FORMAT}`),
      )
  })
  try {
    return new Predecessor(await promise)
  } catch (error) {
    if (error instanceof CodedError) await say({ kind: 'failed', error: toWire(error) })
    throw error
  } finally {
    process.removeListener('disconnect', gone)
  }
}

/** Resolves when it is on its way, or nobody is there to receive it. */
function say(message: ToPredecessor): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
  else resolve()
  return promise
}
