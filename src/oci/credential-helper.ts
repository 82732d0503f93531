/**
 * Runs `docker-credential-NAME get`: docker's protocol for programs that keep passwords. The registry goes to its standard
 * input, `{"ServerURL":...,"Username":...,"Secret":...}` comes from its standard output. For commands that a person types:
 * a server runs no program that a file of credentials names.
 */
import { spawn } from 'node:child_process'
import { type Clock, systemClock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import type { Credentials } from './credentials.ts'
import { OciError, ociLimitError, printable } from './errors.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from './limits.ts'

export interface HelperOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  readonly limits?: OciLimits
}

/** Else it would be a path, or an option. */
const HELPER_NAME = /^[a-z0-9-]{1,64}$/

/** What helpers print, with exit code 1, about a registry that nobody has logged in to. */
const NOT_FOUND = 'credentials not found in native keychain'

/** The name that stands for a token to get others with. */
const IDENTITY_TOKEN = '<token>'

/**
 * What the helper `name` knows about `server`; undefined: nothing. Rejects with OCI_BAD_CREDENTIALS, OCI_CREDENTIAL_HELPER,
 * OCI_TIMEOUT, OCI_LIMIT_EXCEEDED. What it says is in no error but when it fails: it may be the password.
 */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  if (!HELPER_NAME.test(name)) {
    throw new OciError(
      'OCI_BAD_CREDENTIALS',
      `Cannot run the credential helper ${JSON.stringify(name.slice(0, 60))}: that is no name, wanted up to 64 small letters, digits and "-"`,
    )
  }
  const program = `docker-credential-${name}`
  const { code, text } = await run(program, server, options)
  if (code === 0) return readAnswer(text, program)
  if (text.trim() === NOT_FOUND) return undefined
  throw failed(program, `it ended with ${code} (${printable(text)})`, 'credentials')
}

interface Ended {
  /** Exit code or signal. */
  readonly code: number | string
  readonly text: string
}

function run(program: string, server: string, options: HelperOptions): Promise<Ended> {
  const { environment, clock = systemClock, limits = DEFAULT_OCI_LIMITS } = options
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const child = spawn(program, ['get'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...environment },
  })
  const stop = (error: OciError): void => {
    reject(error)
    child.kill('SIGKILL')
    // What it has started itself may keep it open.
    child.stdout.destroy()
  }
  const timer = clock.after(limits.helperMs, () =>
    stop(
      new OciError(
        'OCI_TIMEOUT',
        `Cannot get credentials from ${program}: not done after ${limits.helperMs} ms, wanted less`,
        { details: { limit: 'helperMs' } },
      ),
    ),
  )
  const chunks: Buffer[] = []
  let bytes = 0
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes <= limits.helperBytes) return
    const sizes = { limit: 'helperBytes', actual: bytes, wanted: limits.helperBytes }
    stop(ociLimitError(`get credentials from ${program}`, sizes))
  })
  child.on('error', (cause) =>
    reject(
      failed(program, `it cannot be run (${systemCodeOf(cause)})`, 'a program in PATH', cause),
    ),
  )
  child.on('close', (code, signal) =>
    resolve({ code: signal ?? code ?? 'nothing', text: Buffer.concat(chunks).toString('utf8') }),
  )
  // One that does not care what it is asked is told by 'close'.
  child.stdin.on('error', () => undefined)
  child.stdin.end(server)
  return promise.finally(() => timer.cancel())
}

function readAnswer(text: string, program: string): Credentials {
  const { Username: username, Secret: password } = tableOf(text)
  if (typeof username !== 'string' || typeof password !== 'string' || username === '') {
    throw failed(program, 'its answer is something else', 'JSON with "Username" and "Secret"')
  }
  if (username === IDENTITY_TOKEN) {
    throw failed(program, 'it has an identity token', 'a name and a password')
  }
  return { username, password }
}

function tableOf(text: string): { readonly Username?: unknown; readonly Secret?: unknown } {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

function failed(
  program: string,
  problem: string,
  ...[wanted, cause]: [wanted: string, cause?: unknown]
): OciError {
  return new OciError(
    'OCI_CREDENTIAL_HELPER',
    `Cannot get credentials from ${program}: ${problem}, wanted ${wanted}`,
    { cause },
  )
}
