/** A secret on standard input: a password, a token. */
import { CliError } from './errors.ts'

/** Much longer than any. */
const MAX_SECRET_BYTES = 64 * 1024

/** Without its final line end. `what`: for the message. Rejects with CLI_USAGE. */
export async function readSecret(what: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_SECRET_BYTES) break
  }
  const secret = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (secret !== '' && bytes <= MAX_SECRET_BYTES) return secret
  throw new CliError(
    'CLI_USAGE',
    `Cannot log in: standard input has ${bytes === 0 ? 'nothing' : `${bytes} bytes`}, wanted the ${what}`,
  )
}
