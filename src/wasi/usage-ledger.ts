/**
 * How much the writable mounts of a pool hold, in memory that its workers share.
 *
 *     slot: | key i64 | bytes i64 | names i64 | lock i64 | counted at i64 | held i64 | added i64 | added names i64 |, as many as there
 *     is memory for
 *
 * The key is made of the folder's device and inode number; 0: free. A slot is never freed.
 */
import type { TreeUsage } from './count-tree.ts'

const SLOT_FIELDS = 8
const SLOT_BYTES = SLOT_FIELDS * 8
/** Of a ledger that is shared with nobody. */
const OWN_BYTES = 1024 * SLOT_BYTES
const [KEY, BYTES, NAMES, LOCK, COUNTED, HELD, ADDED, ADDED_NAMES] = [
  0, 1, 2, 3, 4, 5, 6, 7,
] as const
type Field = typeof BYTES | typeof NAMES | typeof HELD

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

/** Of an account, at one moment. */
interface Sums {
  readonly bytes: number
  readonly names: number
  readonly heldBytes: number
  /** All that has ever come or moved. */
  readonly addedBytes: bigint
  readonly addedNames: bigint
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
    if (!this.#tryAdd(BYTES, bytes, limit)) return false
    this.moved(bytes, 0)
    return true
  }

  tryAddName(limit: number): boolean {
    if (!this.#tryAdd(NAMES, 1, limit)) return false
    this.moved(0, 1)
    return true
  }

  addBytes(bytes: number): void {
    this.#add(BYTES, bytes)
    if (bytes > 0) this.moved(bytes, 0)
  }

  addNames(names: number): void {
    this.#add(NAMES, names)
  }

  /** So much is at another place than before, and a count that goes on may have missed it, or meet it twice. */
  moved(bytes: number, names: number): void {
    Atomics.add(this.#fields, ADDED, BigInt(bytes))
    Atomics.add(this.#fields, ADDED_NAMES, BigInt(names))
  }

  /** The same of all there is: a folder is elsewhere. */
  movedFolder(): void {
    this.moved(Math.max(this.bytes, 0), Math.max(this.names, 0))
  }

  /** A file of so many bytes has no name any more, and is open; or one of these has changed by so much. Its bytes stay charged. */
  hold(bytes: number): void {
    this.#add(HELD, bytes)
  }

  /** Nobody has such a file open any more. What has been forgotten is not given back. To be called exclusively. */
  free(bytes: number): void {
    const given = Math.min(bytes, Math.max(this.#get(HELD), 0))
    this.hold(-given)
    this.addBytes(-given)
  }

  /** What it says now, for `correct`. */
  sums(): Sums {
    return this.exclusively(() => ({
      bytes: this.bytes,
      names: this.names,
      heldBytes: this.#get(HELD),
      addedBytes: Atomics.load(this.#fields, ADDED),
      addedNames: Atomics.load(this.#fields, ADDED_NAMES),
    }))
  }

  /**
   * Takes over what was `found` in the folder since `before`, as far as that contradicts the account: what came, went and moved
   * meanwhile may have been found, missed or found twice. `forgetHeld`: files without a name count no more, as those of a process that died.
   */
  correct(before: Sums, found: TreeUsage, { forgetHeld }: { readonly forgetHeld: boolean }): void {
    const now = this.sums()
    const held = Math.max(now.heldBytes, 0)
    const bytes = between(now.bytes, {
      least:
        found.bytes +
        before.heldBytes -
        added(before.addedBytes, now.addedBytes) +
        (now.bytes - before.bytes),
      most: found.bytes + held + added(before.addedBytes, now.addedBytes),
    })
    const names = between(now.names, {
      least: found.names - added(before.addedNames, now.addedNames) + (now.names - before.names),
      most: found.names + added(before.addedNames, now.addedNames),
    })
    this.#add(NAMES, names - now.names)
    this.#add(BYTES, bytes - now.bytes)
    if (!forgetHeld) return
    this.#add(BYTES, -held)
    this.#add(HELD, -held)
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
    // One in the future is of a clock that was set back.
    if (last !== 0n && nowMs >= Number(last) && nowMs < Number(last) + pauseMs) return false
    return Atomics.compareExchange(this.#fields, COUNTED, last, BigInt(nowMs)) === last
  }

  #add(field: Field, amount: number): void {
    Atomics.add(this.#fields, field, BigInt(amount))
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

function added(before: bigint, now: bigint): number {
  return Number(BigInt.asIntN(64, now - before))
}

function between(
  value: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  return Math.min(Math.max(value, least), most)
}
