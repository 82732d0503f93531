/** `wasm-fpm key`: makes keys that sign releases, and shows the public half of one. */

import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { systemCodeOf } from '../base/errors.ts'
import type { PublicKey } from '../store/public-key.ts'
import { createSigningKey, readSigningKey } from '../store/signing-key.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'

interface KeyOptions {
  readonly json?: boolean
}

export function keyCommand(): Command {
  return new Command('key')
    .description('make a key that signs releases')
    .addCommand(
      new Command('create')
        .description('write a new private key to a file, and its public key to FILE.pub')
        .argument('<file>', 'must not be there yet; only its owner may read it')
        .addOption(jsonOption())
        .action(create),
    )
    .addCommand(
      new Command('show')
        .description('print the public key of a private key')
        .argument('<file>', 'what `key create` wrote')
        .addOption(jsonOption())
        .action(show),
    )
}

async function create(file: string, { json }: KeyOptions): Promise<void> {
  const { key, pem } = createSigningKey()
  await write(file, pem, 0o600)
  await write(`${file}.pub`, `${key.publicKey.text}\n`, 0o644)
  print(key.publicKey, json)
}

async function show(file: string, { json }: KeyOptions): Promise<void> {
  print((await readSigningKey(file)).publicKey, json)
}

/** Never over a file: a key that is gone is gone. */
async function write(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: 'wx' })
  } catch (cause) {
    const code = systemCodeOf(cause)
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot write ${file}: ${code}, wanted a new file in a folder that can be written to`,
      { cause },
    )
  }
}

function print({ text, id }: PublicKey, json: boolean | undefined): void {
  if (json === true) printJson({ key: text, keyId: id })
  else process.stdout.write(`${text}\n`)
}
