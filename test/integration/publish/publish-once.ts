/** Publishes a source into a store and says how that ended: node publish-once.ts SOURCE STORE [ROUTE]. */
import { systemClock } from '../../../src/base/clock.ts'
import { toWire } from '../../../src/base/errors.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'

const [, , source = '', folder = '', route] = process.argv
try {
  const store = await DirectoryStore.open(folder, { clock: systemClock })
  const units = { size: parseSize, duration: parseDuration }
  await publish(source, { store, tenant: 'acme', route, units, clock: systemClock })
  process.stdout.write('published\n')
} catch (error) {
  process.stdout.write(`${toWire(error).code}\n`)
}
