/** One who visits both sides at a time, step by step, and keeps for each side what it has been given: cookies and tokens. */
import { type Answer, ask } from './http-client.ts'
import type { Side } from './php-sides.ts'

export const SIDES: readonly Side[] = ['php-fpm', 'wasm-fpm']

export interface Visit {
  /** Default: the path. */
  readonly name?: string
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a form; `TOKEN:name` is what the last field or link of this name had on this side. */
  readonly form?: Readonly<Record<string, string>>
  /** A character is a byte. */
  readonly body?: string
  /** What the answer has in its text, and its status: that both sides do not just fail alike. */
  readonly has?: string
  readonly status?: number
  /** What of the answer is kept under which name, for `TOKEN:name`: the first group. */
  readonly keeps?: readonly [name: string, pattern: RegExp]
  /** Not in the same second as what was before. */
  readonly isLater?: boolean
}

interface Seen {
  readonly cookies: Map<string, string>
  readonly tokens: Map<string, string>
}

export interface Compared {
  readonly visit: Visit
  readonly answers: Readonly<Record<Side, Answer>>
}

/** What a page hands out and takes back. */
const FIELD = /<input[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"/g

export class Visitors {
  readonly #ports: Readonly<Record<Side, number>>
  readonly #seen: Readonly<Record<Side, Seen>> = { 'php-fpm': nothing(), 'wasm-fpm': nothing() }

  constructor(ports: Readonly<Record<Side, number>>) {
    this.#ports = ports
  }

  async visit(visit: Visit): Promise<Compared> {
    const [native, own] = await Promise.all(SIDES.map((side) => this.#ask(side, visit)))
    if (native === undefined || own === undefined) throw new Error('Both sides answer')
    return { visit, answers: { 'php-fpm': native, 'wasm-fpm': own } }
  }

  async #ask(side: Side, visit: Visit): Promise<Answer> {
    const { cookies, tokens } = this.#seen[side]
    const fill = (text: string): string =>
      text.replace(/TOKEN:([\w-]+)/g, (_, name: string) => tokens.get(name) ?? '')
    const form = visit.form && new URLSearchParams(mapValues(visit.form, fill)).toString()
    const body = form ?? (visit.body === undefined ? undefined : fill(visit.body))
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await ask(this.#ports[side], fill(visit.path), {
      method: visit.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        Host: 'site.example',
        ...(cookie === '' ? {} : { Cookie: cookie }),
        ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
        ...mapValues(visit.headers ?? {}, fill),
      },
      ...(body === undefined ? {} : { body: Buffer.from(body, 'latin1') }),
    })
    for (const line of answer.headers['set-cookie'] ?? []) keepCookie(cookies, line)
    for (const [, name = '', value = ''] of answer.text.matchAll(FIELD)) tokens.set(name, value)
    if (visit.keeps !== undefined) {
      const [name, pattern] = visit.keeps
      tokens.set(name, pattern.exec(answer.text)?.[1] ?? '')
    }
    return answer
  }
}

function nothing(): Seen {
  return { cookies: new Map(), tokens: new Map() }
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  if (value === '' || value === 'deleted') cookies.delete(name)
  else cookies.set(name, value)
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]))
}

/** A form with a file in it, as browsers send it. */
export function upload(
  fields: Readonly<Record<string, string>>,
  file: { readonly field: string; readonly name: string; readonly type: string; bytes: Uint8Array },
): Pick<Visit, 'body' | 'headers'> {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--cut\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const head = `--cut\r\nContent-Disposition: form-data; name="${file.field}"; filename="${file.name}"\r\nContent-Type: ${file.type}\r\n\r\n`
  return {
    headers: { 'Content-Type': 'multipart/form-data; boundary=cut' },
    body: `${parts.join('')}${head}${bytesOf(file.bytes)}\r\n--cut--\r\n`,
  }
}

function bytesOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
