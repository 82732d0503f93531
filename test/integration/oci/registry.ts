/** Debian's docker-registry as a child process, in a folder of its own on a loopback port. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, freePort } from '../../support/peers/child.ts'
import { findProgram, hasProgram } from '../../support/peers/start-peer.ts'

const PROGRAM = 'docker-registry'

export interface Registry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** Where it keeps the bytes of a digest. */
  fileOf(digest: string): string
  /** What it has written so far. */
  logs(): string
  /** Ends it and removes its folder. Idempotent. */
  stop(): Promise<void>
}

export const hasRegistry = (): boolean => hasProgram(PROGRAM)

/** A user of a registry with `auth: 'basic'`. The hash is bcrypt's, of the password. */
export const USER = { username: 'deploy', password: 's3cret: pass' } as const
const HTPASSWD = 'deploy:$2y$04$Qhv6jFF8NDpXhgirYVhqNufy6hegQLetmJe9ttPiVao5fntzaPDRK\n'

export interface RegistryOptions {
  readonly auth?: 'basic' | undefined
  /** Lines below `auth:`, for anything else. */
  readonly authLines?: readonly string[] | undefined
}

export async function startRegistry({ auth, authLines }: RegistryOptions = {}): Promise<Registry> {
  const program = findProgram(PROGRAM)
  if (program === undefined) throw new Error(`Cannot start ${PROGRAM}: it is not installed`)
  const directory = mkdtempSync(join(tmpdir(), 'wasm-fpm-registry-'))
  const port = await freePort()
  const passwords = join(directory, 'htpasswd')
  writeFileSync(passwords, HTPASSWD)
  const basic = ['  htpasswd:', '    realm: tests', `    path: ${passwords}`]
  const lines = auth === 'basic' ? basic : authLines
  const config = join(directory, 'config.yml')
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: { level: warn, accesslog: { disabled: true } }',
      `storage: { filesystem: { rootdirectory: "${join(directory, 'storage')}" } }`,
      `http: { addr: "127.0.0.1:${port}", secret: tests }`,
      ...(lines === undefined ? [] : ['auth:', ...lines]),
      '',
    ].join('\n'),
  )
  const child = new Child(program, ['serve', config], { directory })
  const stop = async (): Promise<void> => {
    await child.stop()
    if (existsSync(directory)) rmSync(directory, { recursive: true })
  }
  try {
    await child.accepting({ host: '127.0.0.1', tcpPort: port })
  } catch (error) {
    await stop()
    throw error
  }
  const blobs = join(directory, 'storage/docker/registry/v2/blobs/sha256')
  const fileOf = (digest: string): string => join(blobs, digest.slice(0, 2), digest, 'data')
  return { host: `127.0.0.1:${port}`, fileOf, logs: () => child.output(), stop }
}
