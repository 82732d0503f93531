import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { runBuild } from '../../../../src/cli/dev/run-build.ts'

const FAILING = [
  { script: 'asc-that-is-not-there hello.ts', says: 'a program it names is not on this machine' },
  { script: 'exit 3', says: 'it exited with 3' },
]

test.for(FAILING)('a build that fails: $script', async ({ script, says }) => {
  const command = { program: 'sh', args: ['-c', `${script} 2>/dev/null`], text: script }
  await expect(runBuild(command, tmpdir(), 'stderr').done).rejects.toMatchObject({
    code: 'CLI_BUILD_FAILED',
    message: expect.stringContaining(says),
  })
})
