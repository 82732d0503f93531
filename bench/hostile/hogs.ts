/** Keeps requests for a hostile guest in flight: as many as its tenant may have, each followed by the next. */
import { Agent, get } from 'node:http'

export interface Hogs {
  /** Stops sending, and waits for what is in flight. Answers how many requests ended, by status; 0: broken off. */
  stop(): Promise<ReadonlyMap<number, number>>
}

export function startHogs(url: string, copies: number): Hogs {
  const agent = new Agent({ keepAlive: true, maxSockets: copies })
  const ends = new Map<number, number>()
  let isStopping = false
  const lane = async (): Promise<void> => {
    while (!isStopping) {
      const status = await ask(url, agent)
      ends.set(status, (ends.get(status) ?? 0) + 1)
    }
  }
  const lanes = Array.from({ length: copies }, lane)
  return {
    stop: async () => {
      isStopping = true
      await Promise.all(lanes)
      agent.destroy()
      return ends
    },
  }
}

function ask(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.complete ? (response.statusCode ?? 0) : 0))
      response.once('error', () => resolve(0))
    })
    request.once('error', () => resolve(0))
  })
}
