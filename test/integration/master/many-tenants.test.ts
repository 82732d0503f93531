/** Thousands of tenants that nobody asks for cost next to nothing, in the master and in each worker, once what it took to read of them is given back. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

const TENANTS = 3000
/** Twice what is wanted, in all three processes together: it is some 10 KiB. */
const MOST_KIB = 40

test(`each of ${TENANTS} idle tenants takes less than ${MOST_KIB} KiB, and every one of them is there`, async () => {
  const folder = makeFolder()
  const one = configText(folder)
  const tenant = (_: unknown, index: number): string =>
    `[[tenant]]\nname = "t${index}"\npool = "www"\nhosts = ["t${index}.example"]\nroot = "${folder}"\nenv = { N = "${index}" }\n`
  const few = await serve({ folder, config: one })
  const fewKib = residentKib(few)
  few.child.kill('SIGINT')
  await few.exit
  const many = await serve({
    folder,
    config: one + Array.from({ length: TENANTS }, tenant).join(''),
  })
  await expect.poll(() => (residentKib(many) - fewKib) / TENANTS).toBeLessThan(MOST_KIB)
  expect((await new Client(many.socket).get('hello.wasm')).status).toBe(200)
  expect((await many.command('reload')).stdout).toContain(`tenants: ${TENANTS + 1}`)
  await expect.poll(() => (residentKib(many) - fewKib) / TENANTS).toBeLessThan(MOST_KIB)
})

/** Of the master and its workers. */
function residentKib({ child, workers }: Serving): number {
  return [child.pid ?? -1, ...workers()].reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0)
  }, 0)
}
