/**
 * What a registry is shown so that it answers: nothing, a name and a password, or a token that another server gives out
 * for them (the "distribution" token flow). The password goes to the registry and to the token server it names, no further.
 */
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Answer, Connections } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { OciError } from './errors.ts'
import type { OciLimits } from './limits.ts'
import { readTarget } from './transport-rules.ts'

export interface AuthorizationOptions {
  readonly connections: Connections
  readonly limits: OciLimits
  readonly repository: string
  readonly actions: 'pull' | 'pull,push'
  readonly credentials: Credentials | undefined
  readonly plainHttp: boolean
}

export class Authorization {
  readonly #options: AuthorizationOptions
  #header: string | undefined

  constructor(options: AuthorizationOptions) {
    this.#options = options
  }

  /** Undefined: none yet. */
  get header(): string | undefined {
    return this.#header
  }

  /** Answers a 401 of the registry: there is another header afterwards, or this rejects with OCI_DENIED. */
  async meet(answer: Answer): Promise<void> {
    const challenges = parseChallenges(answer.headers['www-authenticate'] ?? '')
    await answer.finish()
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    const { credentials } = this.#options
    if (bearer !== undefined) {
      this.#header = `Bearer ${await this.#token(bearer, answer.url)}`
      return
    }
    const isAsked = challenges.some(({ scheme }) => scheme === 'basic')
    if (!isAsked || credentials === undefined || this.#header !== undefined) {
      throw denied(answer.url, credentials)
    }
    this.#header = basic(credentials)
  }

  async #token({ parameters }: Challenge, from: URL): Promise<string> {
    const { connections, limits, repository, actions, credentials, plainHttp } = this.#options
    const url = readTarget(parameters.get('realm'), from, plainHttp)
    const service = parameters.get('service')
    if (service !== undefined) url.searchParams.set('service', service)
    url.searchParams.set('scope', `repository:${repository}:${actions}`)
    const answer = await connections.send({
      method: 'GET',
      url,
      headers: {
        accept: 'application/json',
        ...(credentials === undefined ? {} : { authorization: basic(credentials) }),
      },
    })
    if (answer.status !== 200) {
      await answer.finish()
      if (answer.status === 429 || answer.status >= 500) {
        throw new OciError(
          'OCI_BUSY',
          `Cannot get a token from ${url.host}: status ${answer.status}, wanted 200`,
        )
      }
      throw denied(url, credentials)
    }
    return readToken(await answer.bytes('tokenBytes', limits.tokenBytes), url)
  }
}

/** The spec of tokens has two names for it. Only what a header can hold is one. */
function readToken(bytes: Buffer, { host }: URL): string {
  const table = parseTable(bytes)
  const token = table['token'] ?? table['access_token']
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token
  throw new OciError(
    'OCI_BAD_ANSWER',
    `Cannot get a token from ${host}: the answer has none, wanted JSON with "token"`,
  )
}

function parseTable(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function denied({ host }: URL, credentials: Credentials | undefined): OciError {
  const actual =
    credentials === undefined
      ? 'it wants credentials and there are none'
      : 'it refuses the credentials'
  return new OciError(
    'OCI_DENIED',
    `Cannot use ${host}: ${actual}, wanted --username and --password-stdin, or those of \`docker login\``,
  )
}
