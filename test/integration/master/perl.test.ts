/** A PSGI application and the requests it answers: what only Perl has. See language-isolation.test.ts. */
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import { type Breaking, expectOneBreaks, type LanguageSite, startSite } from './language-site.ts'

const has = haveRuntime('Perl', runtimePath('perl'), [])

/** `tenant`: more of its lines. */
function start(app: string | undefined, tenant = ''): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'perl', extension: '.pl', app },
    runtime: 'memory = "128MiB"\nboot_timeout = "60s"',
    tenant: `limits = { cpu = "2s", wall = "20s" }\nqueue = { timeout = "60s" }\n${tenant}`,
  })
}

const BREAKING: Breaking = {
  dies: { status: 500, log: /boom at .*isolation\.psgi line \d+/ },
  output: { status: 500, log: /backticks: Invalid argument/ },
  native: { status: 500, log: /dynamic loading not available in this perl/ },
  socket: { status: 500, log: /Can't locate Socket\.pm/ },
  header: { status: 500, log: /a header is .*, wanted text without control characters/ },
  nothing: { status: 500, log: /the answer is no reference to an array/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  await expectOneBreaks(await start('isolation.psgi'), BREAKING)
})

test.skipIf(!has)('an answer in parts, and a body', async () => {
  const { client, serving } = await start('isolation.psgi')
  const parts = await client.get('stream')
  expect(parts, serving.log()).toEqual({ status: 200, body: 'part 1\npart 2\npart 3\n' })
  expect(await client.get('body')).toEqual({ status: 201, body: '0' })
  client.close()
})
