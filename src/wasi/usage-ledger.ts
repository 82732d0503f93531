/**
 * How much the writable mounts of a pool hold, in memory that its workers share.
 *
 *     slot: | key i64 | bytes i64 | names i64 | lock i64 | counted at i64 | 3 unused |, as many as there is memory for
 *
 * The key is made of the folder's device and inode number; 0: free. A slot is never freed.
 */
const SLOT_FIELDS = 8
const SLOT_BYTES = SLOT_FIELDS * 8
/** Of a ledger that is shared with nobody. */
const OWN_BYTES = 1024 * SLOT_BYTES
const [KEY, BYTES, NAMES, LOCK, COUNTED] = [0, 1, 2, 3, 4] as const
type Field = typeof KEY | typeof BYTES | typeof NAMES | typeof LOCK | typeof COUNTED

/** How often a worker that holds the lock is given way to: some ten milliseconds. Then it has stopped, or died. */
export const MAX_TRIES = 10_000

export class UsageLedger {
  readonly #fields: BigInt64Array
  readonly #giveWay: () => void

  /** `memory`: perhaps shared; default: this process's own. `giveWay`: lets another process run. */
  constructor(
    memory: ArrayBuffer = new ArrayBuffer(OWN_BYTES),
    giveWay: () => void = () => undefined,
  ) {
    this.#fields = new BigInt64Array(memory)
    this.#giveWay = giveWay
  }

  /** The account of a folder: the same in all processes. When all slots are taken, one of this process alone. */
  accountOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): UsageAccount {
    const key = BigInt.asIntN(64, (dev * 0x9e37_79b9_7f4a_7c15n) ^ ino) || 1n
    const slots = this.#fields.length / SLOT_FIELDS
    const first = Number(BigInt.asUintN(32, key ^ (key >> 32n)))
    for (let step = 0; step < slots; step++) {
      const slot = ((first + step) % slots) * SLOT_FIELDS
      const found = Atomics.compareExchange(this.#fields, slot + KEY, 0n, key)
      if (found === 0n || found === key) return this.#account(this.#fields, slot)
    }
    return this.#account(new BigInt64Array(SLOT_FIELDS), 0)
  }

  #account(fields: BigInt64Array, slot: number): UsageAccount {
    return new UsageAccount(fields.subarray(slot, slot + SLOT_FIELDS), this.#giveWay)
  }
}

export class UsageAccount {
  readonly #fields: BigInt64Array
  readonly #giveWay: () => void

  constructor(fields: BigInt64Array, giveWay: () => void) {
    this.#fields = fields
    this.#giveWay = giveWay
  }

  get bytes(): number {
    return this.#get(BYTES)
  }

  /** Files, folders and links, by their names. */
  get names(): number {
    return this.#get(NAMES)
  }

  /** Adds up to `limit`; false: it would be more, and nothing has changed. */
  tryAddBytes(bytes: number, limit: number): boolean {
    return this.#tryAdd(BYTES, bytes, limit)
  }

  tryAddName(limit: number): boolean {
    return this.#tryAdd(NAMES, 1, limit)
  }

  addBytes(bytes: number): void {
    Atomics.add(this.#fields, BYTES, BigInt(bytes))
  }

  addNames(names: number): void {
    Atomics.add(this.#fields, NAMES, BigInt(names))
  }

  /**
   * Runs `operation`, which must not nest another, while no other process does. One that has stopped in the middle is not waited
   * for: then both run, and the sums may be a little off until the folder is counted again.
   */
  exclusively<Result>(operation: () => Result): Result {
    const own = BigInt(process.pid)
    for (let tries = 0; Atomics.compareExchange(this.#fields, LOCK, 0n, own) !== 0n; tries++) {
      if (tries === MAX_TRIES) break
      this.#giveWay()
    }
    try {
      return operation()
    } finally {
      Atomics.store(this.#fields, LOCK, 0n)
    }
  }

  /** Whether the caller is the one to count the folder: nobody has begun to in the last `pauseMs`. */
  claimCount(nowMs: number, pauseMs: number): boolean {
    const last = Atomics.load(this.#fields, COUNTED)
    if (last !== 0n && nowMs < Number(last) + pauseMs) return false
    return Atomics.compareExchange(this.#fields, COUNTED, last, BigInt(nowMs)) === last
  }

  #get(field: Field): number {
    return Number(Atomics.load(this.#fields, field))
  }

  #tryAdd(field: Field, amount: number, limit: number): boolean {
    const before = Atomics.add(this.#fields, field, BigInt(amount))
    if (Number(before) + amount <= limit) return true
    Atomics.sub(this.#fields, field, BigInt(amount))
    return false
  }
}
