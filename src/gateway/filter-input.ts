/**
 * The standard input of a Filter (FastCGI 1.0, section 6.4): all of FCGI_STDIN, then all of FCGI_DATA. CONTENT_LENGTH and
 * FCGI_DATA_LENGTH tell a CGI program where the one ends and the other begins; others ask for one of them (`filter_input`).
 */
import { type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'

/** Of what is passed over, at once. */
const PIECE_BYTES = 65_536

export class FilterInput implements ByteSource {
  readonly #stdin: ByteSource
  readonly #data: ByteSource
  #wanted: 'both' | 'stdin' | 'data' = 'both'
  #isStdinOver = false

  constructor(stdin: ByteSource, data: ByteSource) {
    this.#stdin = stdin
    this.#data = data
  }

  /** False: FCGI_DATA has been asked for, and there is no way back. */
  select(isData: boolean): boolean {
    if (this.#wanted === 'data') return false
    this.#wanted = isData ? 'data' : 'stdin'
    return true
  }

  read(maxBytes: number): Uint8Array | undefined {
    while (!this.#isStdinOver) {
      const isPassedOver = this.#wanted === 'data'
      const bytes = this.#stdin.read(isPassedOver ? PIECE_BYTES : maxBytes)
      if (bytes === undefined) this.#isStdinOver = true
      else if (!isPassedOver) return bytes
      else if (bytes.length === 0) return NOTHING_YET
    }
    return this.#wanted === 'stdin' ? undefined : this.#data.read(maxBytes)
  }

  onReadable(wake: () => void): void {
    if (this.#isStdinOver && this.#wanted !== 'stdin') this.#data.onReadable(wake)
    else this.#stdin.onReadable(wake)
  }
}
