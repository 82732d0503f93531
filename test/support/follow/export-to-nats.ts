/** One export to servers of NATS, as `wasm-fpm export` without `--watch` does it. */

import { NatsExport, type NatsExportOptions } from '../../../src/follow/export-nats.ts'
import type { Exported } from '../../../src/follow/export-store.ts'
import type { NatsAddress } from '../../../src/follow/nats-link.ts'

export async function exportToNats(
  from: string,
  address: NatsAddress,
  options: NatsExportOptions,
): Promise<Exported> {
  const session = await NatsExport.open(from, address, options)
  try {
    return await session.run()
  } finally {
    await session.close()
  }
}
