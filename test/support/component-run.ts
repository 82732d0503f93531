/** Gives requests to a component, with nothing granted but the request. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import type { GuestJob, GuestReport } from '../../src/guest/job.ts'
import type { WasiGrants } from '../../src/wasi/session.ts'
import { componentWat } from './component-wat.ts'
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

/**
 * Asserts that no handle of an earlier request leads anywhere. `withHeaders`: a component whose text asks so for headers. Of handle 1 it
 * may ask: it is there in each request.
 */
export async function assertNoHandleLasts(
  withHeaders: (call: string) => string,
  handles: number,
): Promise<void> {
  // A path of four bytes: a handle that is not its own.
  for (let handle = 0; handle < handles; handle++) {
    if (handle === 1) continue
    const source = withHeaders(
      `(drop (call $headers (if (result i32) (i32.eq (i32.load (i32.const 24)) (i32.const 4))
         (then (i32.const ${handle})) (else (local.get $request)))))`,
    )
    const instance = await makeComponent(await componentWat(source))
    const first = await answer(instance, '/first')
    assert.equal(first.report.outcome.kind, 'exited')
    assert.equal(instance.reset(), true)
    const second = await answer(instance, '/2nd', { env: ['HTTP_COOKIE=secret'] })
    assert.match(trapOf(second), /there is no handle|is of another resource/, `${handle}`)
    assert.equal(second.stdout, '')
    assert.equal(instance.isSpent, true)
  }
}
