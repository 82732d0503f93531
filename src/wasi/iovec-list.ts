/** The buffers that a guest names in a call. It is in one call at a time, so its host has one list of them. */

export class IovecList {
  /** Of the buffers, in the first `count` places; without the empty ones, and all inside memory. */
  readonly pointers: number[] = []
  readonly lengths: number[] = []
  count = 0
  /** Bytes in all of them: cut off at `limits.transferBytes`. */
  total = 0

  add(pointer: number, length: number): void {
    this.pointers[this.count] = pointer
    this.lengths[this.count] = length
    this.count += 1
    this.total += length
  }
}
