/** Prints a component's world as WIT, in a publisher's process: it is a stranger's file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { Verifier } from '../store/verifier.ts'
import { verifierAccount } from './verifier-account.ts'

/** `name`: for messages. Rejects with PUBLISHER_INVALID_COMPONENT, PUBLISHER_NO_WIT, `StoreError`. */
export async function printWit(component: Uint8Array, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wasm-fpm-inspect-'))
  const options = { clock: systemClock, account: verifierAccount(), onStep: () => undefined }
  const verifier = new Verifier(folder, options)
  try {
    const modulePath = join(folder, 'component')
    await writeFile(modulePath, component, { mode: 0o600 })
    const limits = { memoryBytes: 0 }
    return await verifier.print({ kind: 'print', name, modulePath, imagePath: null, limits })
  } finally {
    await verifier.close()
    await rm(folder, { recursive: true, force: true })
  }
}
