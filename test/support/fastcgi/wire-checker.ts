/** Judges what a server connection sends against what it was sent. Knows nothing of the production code. */
import { splitRecords } from './records.ts'

/** Throws at the first record that breaks the protocol. */
export class WireChecker {
  /** Begun and not ended, by the number of times its id was begun. */
  readonly #open = new Map<number, number>()
  readonly #stdoutEnded = new Set<number>()
  readonly #stderr = new Map<number, 'open' | 'ended'>()

  /** The peer sent BEGIN_REQUEST, and the connection will have to answer it. */
  begun(id: number): void {
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1)
  }

  /** Ids without END_REQUEST. */
  get openIds(): number[] {
    return [...this.#open.keys()]
  }

  /** The connection sent whole records. */
  sent(bytes: Uint8Array): void {
    for (const { type, id, content, padding } of splitRecords(bytes)) {
      if ((content.length + padding) % 8 !== 0)
        throw new Error(`record of ${id} is not padded to 8`)
      if (content.length > 32_768) throw new Error(`record of ${id} has ${content.length} bytes`)
      if (type === 10 || type === 11) {
        if (id !== 0) throw new Error(`management record with id ${id}`)
        continue
      }
      if (!this.#open.has(id))
        throw new Error(`record of type ${type} for ${id}, which is not active`)
      if (type === 6) this.#stdout(id, content.length)
      else if (type === 7) this.#stderrRecord(id, content.length)
      else if (type === 3) this.#end(id, content.length)
      else throw new Error(`type ${type} is not for us to send`)
    }
  }

  #stdout(id: number, length: number): void {
    if (this.#stdoutEnded.has(id)) throw new Error(`STDOUT of ${id} behind its end`)
    if (length === 0) this.#stdoutEnded.add(id)
  }

  #stderrRecord(id: number, length: number): void {
    const state = this.#stderr.get(id)
    if (state === 'ended') throw new Error(`STDERR of ${id} behind its end`)
    if (length === 0 && state === undefined) throw new Error(`STDERR of ${id} is empty`)
    this.#stderr.set(id, length === 0 ? 'ended' : 'open')
  }

  #end(id: number, length: number): void {
    if (length !== 8) throw new Error(`END_REQUEST of ${length} bytes`)
    if (!this.#stdoutEnded.has(id)) throw new Error(`END_REQUEST of ${id} before the end of STDOUT`)
    if (this.#stderr.get(id) === 'open')
      throw new Error(`END_REQUEST of ${id} before the end of STDERR`)
    const left = (this.#open.get(id) ?? 0) - 1
    if (left > 0) this.#open.set(id, left)
    else this.#open.delete(id)
    this.#stdoutEnded.delete(id)
    this.#stderr.delete(id)
  }
}
