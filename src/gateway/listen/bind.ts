/** Binds listening sockets. */
import type { ListenOptions, Server } from 'node:net'
import { type ListenAddress, printListenAddress } from '../../base/listen-address.ts'
import { ListenError } from './errors.ts'
import { inheritedDescriptors } from './inherited.ts'
import { createSocketFile, type SocketFile, type SocketFileOptions } from './socket-file.ts'

export const DEFAULT_BACKLOG = 511

export interface BindOptions {
  readonly backlog?: number | undefined
  readonly socketFile?: SocketFileOptions | undefined
}

/** Binds a socket of this process's own. Throws `ListenError`. */
export async function bind(
  server: Server,
  address: ListenAddress,
  options: BindOptions,
): Promise<SocketFile | undefined> {
  const backlog = options.backlog ?? DEFAULT_BACKLOG
  switch (address.kind) {
    case 'unix':
      return await createSocketFile(address.path, options.socketFile ?? {}, (path) =>
        listen(server, address.path, { path, backlog }),
      ).catch((error) => {
        server.close()
        throw error
      })
    case 'tcp':
      await listen(server, printListenAddress(address), { ...address, backlog })
      return undefined
    case 'fd':
    case 'systemd': {
      const [fd] = inheritedDescriptors(address, []) ?? []
      await listen(server, printListenAddress(address), { fd, backlog })
      return undefined
    }
  }
}

type Listening = (ListenOptions | { readonly fd: number | undefined }) & {
  readonly backlog: number
}

/** Binds synchronously, except where a host name must be looked up. */
export function listen(server: Server, name: string, options: Listening): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const isTaken = cause.code === 'EADDRINUSE'
      const problem = isTaken ? 'somebody listens there, wanted a free address' : cause.message
      reject(
        new ListenError(
          isTaken ? 'GATEWAY_LISTEN_IN_USE' : 'GATEWAY_LISTEN_FAILED',
          `Cannot listen on ${name}: ${problem}`,
          { cause },
        ),
      )
    }
    server.once('error', failed)
    // Node reads the backlog of a descriptor from here only.
    server.listen(options, options.backlog, () => {
      server.removeListener('error', failed)
      resolve()
    })
  })
}
