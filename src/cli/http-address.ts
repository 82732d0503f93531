/** `--http HOST:PORT`: where the built-in HTTP front listens. */
import { CliError } from './errors.ts'

export interface HttpAddress {
  readonly host: string
  readonly port: number
}

/** Without a host: this machine only. Throws `CliError` (CLI_BAD_ADDRESS). */
export function parseHttpAddress(text: string): HttpAddress {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw new CliError(
      'CLI_BAD_ADDRESS',
      `Cannot serve HTTP on ${JSON.stringify(text)}: wanted HOST:PORT, such as 127.0.0.1:8080`,
    )
  }
  return { host: v6 ?? (name || '127.0.0.1'), port }
}
