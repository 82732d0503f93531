/** A gateway over a temporary document root, for tests without sockets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { createLogger } from '../../src/base/logger.ts'
import { parseConfig } from '../../src/config/parse.ts'
import type { AccessEntry } from '../../src/gateway/access-log.ts'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { assembleGateway } from '../../src/worker/assemble-gateway.ts'
import { exchange } from '../../src/worker/memory-exchange.ts'

export interface SiteOptions {
  /** File name to module. */
  readonly files: Readonly<Record<string, Uint8Array>>
  /** More lines of the tenant's table. */
  readonly tenant?: string
}

export interface Answered {
  readonly status: number
  readonly head: string
  readonly body: string
  readonly stderr: string
  readonly isComplete: boolean
}

export class Site {
  readonly root: string
  readonly gateway: Gateway
  readonly access: AccessEntry[] = []

  constructor({ files, tenant = '' }: SiteOptions) {
    this.root = mkdtempSync(join(tmpdir(), 'site-'))
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(this.root, name), bytes)
    const text = `[[pool]]\nname = "www"\nlisten = ["/nowhere/www.sock"]\n[[tenant]]\nname = "acme"\npool = "www"\nhosts = ["*"]\nroot = "${this.root}"\n${tenant}`
    this.gateway = assembleGateway(parseConfig(text, 'site.toml'), {
      clock: systemClock,
      logger: createLogger('silent'),
      accessLog: (entry) => this.access.push(entry),
    })
  }

  /** One request for `path`, with more parameters and a body. */
  async request(
    path: string,
    params: Readonly<Record<string, string>> = {},
    body = '',
  ): Promise<Answered> {
    const result = await exchange(this.gateway, {
      pool: 'www',
      params: Object.entries({
        REQUEST_METHOD: body === '' ? 'GET' : 'POST',
        SCRIPT_NAME: path,
        REQUEST_URI: path,
        HTTP_HOST: 'acme.example',
        ...params,
      }),
      body: Buffer.from(body),
    })
    const text = result.stdout.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    return {
      status: Number(/^Status: (\d+)/m.exec(text)?.[1] ?? 0),
      head: text.slice(0, end),
      body: text.slice(end + 4),
      stderr: result.stderr.toString('latin1'),
      isComplete: result.isComplete,
    }
  }

  close(): void {
    this.gateway.scheduler.stop()
    rmSync(this.root, { recursive: true })
  }
}
