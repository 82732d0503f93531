/** Gives requests to a component, with nothing granted but the request. */
import { systemClock } from '../../src/base/clock.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import type { GuestJob, GuestReport } from '../../src/guest/job.ts'
import type { WasiGrants } from '../../src/wasi/session.ts'
import { CollectingSink, compileGuest, grants, job } from './guest.ts'

export interface Answered {
  readonly report: GuestReport
  readonly stdout: string
  readonly stderr: string
}

/** An instance of it. */
export async function makeComponent(bytes: Uint8Array): Promise<GuestInstance> {
  return new GuestInstance(await compileGuest(bytes), systemClock)
}

/** One request for `path`. `env`: more variables. */
export async function answer(
  instance: GuestInstance,
  path: string,
  { env = [], ...granted }: Partial<WasiGrants> = {},
  limits: Partial<Pick<GuestJob, 'cpuMs' | 'wallMs'>> = {},
): Promise<Answered> {
  const stdout = new CollectingSink()
  const stderr = new CollectingSink()
  const variables = ['REQUEST_METHOD=GET', `REQUEST_URI=${path}`, 'HTTP_HOST=acme.example', ...env]
  const given = grants({ stdout, stderr, ...granted, env: variables })
  const report = await runToEnd(instance, job({ grants: given, ...limits }))
  return { report, stdout: stdout.text, stderr: stderr.text }
}

/** What a trap says. */
export function trapOf({ report }: Answered): string {
  return report.outcome.kind === 'trapped' ? report.outcome.message : report.outcome.kind
}
