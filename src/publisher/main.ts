/** The publisher's process: one job from standard input, its story and its result on standard output (publisher-protocol.ts). */
import { text } from 'node:stream/consumers'
import { systemClock } from '../base/clock.ts'
import type { PublisherEvent, PublisherJob } from '../store/publisher-protocol.ts'
import { runJob } from './run-job.ts'

const job = JSON.parse(await text(process.stdin)) as PublisherJob
const { argv } = process
const { event, bytes } = await runJob(job, {
  clock: systemClock,
  argv,
  onStep: say,
  onProgress: say,
  loadWasmTools: async () => (await import('./wasm-tools.ts')).loadWasmTools(),
})
say(event)
if (bytes !== undefined) process.stdout.write(bytes)

function say(said: PublisherEvent): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
