/** Links to a server of NATS that are slow, are cut, or lose what the server says. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What clients say is passed on to the server, and what it says to `hears(client, server)`, asked for at each connection; undefined: that one is cut off. */
async function relay(
  port: number,
  hears: () => ((client: Socket, server: Socket) => void) | undefined,
): Promise<number> {
  const proxy = createServer((client) => {
    const listen = hears()
    if (listen === undefined) {
      client.destroy()
      return
    }
    const server = connect(port, '127.0.0.1')
    const ends = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.on('error', () => undefined).on('close', ends)
    client.pipe(server)
    listen(client, server)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  const address = proxy.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** Passes on what a server says, at 1 MB/s from when it is told. */
export async function slowLink(port: number) {
  let [isSlow, isCut, leftBytes] = [false, false, Number.POSITIVE_INFINITY]
  const sockets = new Set<Socket>()
  const listen = (client: Socket, server: Socket): void => {
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    server.on('data', (bytes) => {
      leftBytes -= bytes.length
      if (leftBytes < 0) {
        isCut = true
        leftBytes = Number.POSITIVE_INFINITY
        for (const one of sockets) one.destroy()
        return
      }
      client.write(bytes)
      if (!isSlow) return
      server.pause()
      setTimeout(() => server.resume(), bytes.length / 1000)
    })
  }
  return {
    port: await relay(port, () => (isCut ? undefined : listen)),
    slow: (): void => {
      isSlow = true
    },
    cutAfter: (bytes: number): void => {
      leftBytes = bytes
    },
    mend: (): void => {
      isCut = false
    },
  }
}

/**
 * Passes on what a server says, but for some of the messages that it sends from a stream: as if the client had given up their answer a moment
 * before they came.
 */
export async function lossyLink(port: number) {
  let [wanted, sent, lost]: [readonly number[], number, number] = [[], 0, 0]
  const listen = (client: Socket, server: Socket): void =>
    eachFrame(server, (frame, isFromStream) => {
      const isLost = isFromStream && wanted.includes(sent)
      if (isFromStream) sent += 1
      if (isLost) lost += 1
      else client.write(frame)
    })
  return {
    port: await relay(port, () => listen),
    /** By their numbers, from now on. */
    lose: (numbers: readonly number[]): void => {
      wanted = numbers
      sent = 0
      lost = 0
    },
    get lost(): number {
      return lost
    },
  }
}

/** `MSG SUBJECT SID [REPLY] BYTES`, `HMSG SUBJECT SID [REPLY] HEAD BYTES`, or a line alone. */
function eachFrame(server: Socket, take: (frame: Buffer, isFromStream: boolean) => void): void {
  let held = Buffer.alloc(0)
  server.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes])
    for (;;) {
      const end = held.indexOf('\r\n')
      if (end < 0) return
      const words = held.subarray(0, end).toString('latin1').split(' ')
      const isMessage = words[0] === 'MSG' || words[0] === 'HMSG'
      const length = end + 2 + (isMessage ? Number(words.at(-1)) + 2 : 0)
      if (held.length < length) return
      take(held.subarray(0, length), isMessage && words.some((word) => word.startsWith('$JS.ACK')))
      held = held.subarray(length)
    }
  })
}
