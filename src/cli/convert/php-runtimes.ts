/** The runtimes that php-fpm's pools need: PHP, once for each list of endings that they may run. */
import { parseSize } from '../../config/units.ts'
import { DEFAULT_STORE } from '../../store/open-store.ts'
import { Sheet } from './sheet.ts'

/** php-fpm's own. */
const PHP_EXTENSIONS: readonly string[] = ['.php', '.phar']
const PHP_MEMORY_LIMIT = '128M'

const MIB = 1024 * 1024
/** Of a runtime's memory PHP's `memory_limit` is a part. */
const MEMORY_SHARE = 0.55
const MEMORY_STEP_BYTES = 64 * MIB
const MOST_MEMORY_BYTES = 4096 * MIB

export interface PhpNeed {
  /** Of `security.limit_extensions`; undefined: php-fpm's default. */
  readonly extensions: readonly string[] | undefined
  /** As php.ini has it; undefined: PHP's default. */
  readonly memoryLimit: string | undefined
}

interface Runtime {
  readonly name: string
  readonly extensions: readonly string[]
  memoryBytes: number
}

export class PhpRuntimes {
  readonly #all: Runtime[] = []

  /** The name of the runtime for a pool that needs this. */
  nameFor({ extensions = PHP_EXTENSIONS, memoryLimit = PHP_MEMORY_LIMIT }: PhpNeed): string {
    const memoryBytes = memoryFor(memoryLimit)
    const known = this.#all.find((one) => one.extensions.join() === extensions.join())
    if (known !== undefined) {
      known.memoryBytes = Math.max(known.memoryBytes, memoryBytes)
      return known.name
    }
    const name = this.#all.length === 0 ? 'php' : `php-${this.#all.length + 1}`
    this.#all.push({ name, extensions, memoryBytes })
    return name
  }

  /** Their tables. */
  lines(): string[] {
    return this.#all.flatMap(({ name, extensions, memoryBytes }, index) => {
      const sheet = new Sheet()
      sheet.set('runtime', 'name', {
        value: name,
        ...(index === 0 ? { note: 'its module: wasm-fpm runtime build php' } : {}),
      })
      if (index > 0) {
        sheet.set('runtime', 'module', { value: `${DEFAULT_STORE}/runtimes/php.wasm` })
      }
      sheet.set('runtime', 'extensions', { value: extensions })
      if (extensions.includes('.php')) sheet.set('runtime', 'index', { value: 'index.php' })
      sheet.set('runtime', 'memory', {
        value: `${memoryBytes / MIB}MiB`,
        note: "room for PHP's memory_limit; what is not touched costs nothing",
      })
      return sheet.table('[[runtime]]', 'runtime')
    })
  }
}

/** At least what PHP's default wants: a program may ask for that. */
function memoryFor(memoryLimit: string): number {
  const limitBytes = Math.max(parseSize(PHP_MEMORY_LIMIT) ?? 0, parseSize(memoryLimit) ?? 0)
  const wanted = Math.ceil(limitBytes / MEMORY_SHARE / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES
  return Math.min(wanted, MOST_MEMORY_BYTES)
}
