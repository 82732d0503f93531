/** A PSGI application and the requests it answers: nothing is left of one for the next, nothing random repeats, and what breaks is one request. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import {
  type Breaking,
  expectNothingRepeats,
  expectOneBreaks,
  type LanguageSite,
  startSite,
} from './language-site.ts'

const REQUESTS = 300
const DRAWN = ['random', 'other']
const has = haveRuntime('Perl', runtimePath('perl'), [])

/** `tenant`: more of its lines. */
function start(app: string | undefined, tenant = ''): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'perl', extension: '.pl', app },
    runtime: 'memory = "128MiB"\nboot_timeout = "60s"',
    tenant: `limits = { cpu = "2s", wall = "20s" }\nqueue = { timeout = "60s" }\n${tenant}`,
  })
}

test.skipIf(!has)('nothing is left of a request, and nothing that is drawn repeats', async () => {
  const site = await start('isolation.psgi', 'warm = ["/drawn"]')
  const { client, folder, serving } = site
  for (let count = 0; count < 5; count += 1) {
    const { body, status } = await client.get('left')
    expect(status, serving.log()).toBe(200)
    expect(JSON.parse(body)).toEqual({
      ...{ seen: 0, global: 0, function: 0, module: 0, environment: 0, path: 0, file: 0 },
      ...{ query: 0, separator: 0, handler: 0 },
    })
  }
  await expectNothingRepeats(site, DRAWN, REQUESTS)
  client.close()
  expect(readFileSync(join(folder, 'data/log.txt'), 'utf8')).toBe(`loaded\n${'asked\n'.repeat(5)}`)
})

const BREAKING: Breaking = {
  loop: { status: 503, log: /"code":"OUTCOME_CPU/ },
  memory: { status: 500, log: /Out of memory/ },
  regex: { status: 503, log: /"code":"OUTCOME_CPU/ },
  recursion: { status: 500, log: /Out of memory|OUTCOME_/ },
  dies: { status: 500, log: /boom at .*isolation\.psgi line \d+/ },
  exit: { status: 500, log: /it has called exit/ },
  missing: { status: 500, log: /Can't locate Not\/There\.pm in @INC/ },
  header: { status: 500, log: /a header is .*, wanted text without control characters/ },
  nothing: { status: 500, log: /the answer is no reference to an array/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  const site = await start('isolation.psgi')
  await expectOneBreaks(site, BREAKING)
  site.client.close()
})

test.skipIf(!has)('an answer in parts, and a body', async () => {
  const { client, serving } = await start('isolation.psgi')
  const parts = await client.get('stream')
  expect(parts, serving.log()).toEqual({ status: 200, body: 'part 1\npart 2\npart 3\n' })
  expect(await client.get('body')).toEqual({ status: 201, body: '0' })
  client.close()
})
