/**
 * Keeps requests for a hostile guest in flight: as many as its tenant may have, each followed by the next. Started by hogs.ts,
 * as `hog-client.ts URL COPIES`; a message ends it, and is answered with how many requests ended, by status; 0: broken off.
 */
import { Agent, get } from 'node:http'

const [url = '', copies = '0'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: Number(copies) })
const ends = new Map<number, number>()
let isStopping = false
const lanes = Array.from({ length: Number(copies) }, lane)
process.once('message', () => {
  isStopping = true
  void Promise.all(lanes).then(() => {
    agent.destroy()
    process.send?.([...ends], () => process.disconnect?.())
  })
})

async function lane(): Promise<void> {
  while (!isStopping) {
    const status = await ask()
    ends.set(status, (ends.get(status) ?? 0) + 1)
  }
}

function ask(): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.complete ? (response.statusCode ?? 0) : 0))
      response.once('error', () => resolve(0))
    })
    request.once('error', () => resolve(0))
  })
}
