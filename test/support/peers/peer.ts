/** What a web server under test is, and what is asked of one. */

export const PEER_NAMES = ['nginx', 'apache', 'lighttpd', 'caddy', 'haproxy', 'h2o'] as const

export type PeerName = (typeof PEER_NAMES)[number]

/** Where the FastCGI server listens. */
export type Backend =
  | { readonly unix: string }
  | { readonly host: string; readonly tcpPort: number }

export interface PeerOptions {
  readonly backend: Backend
  /** Keep connections to the backend open, where the web server can. */
  readonly keepAlive: boolean
  /** Pass bodies on as they come, both ways, where the web server can. */
  readonly streaming: boolean
  /** The folder the web server says scripts are in. */
  readonly documentRoot: string
}

export interface PeerContext extends PeerOptions {
  /** The port to serve HTTP on, on 127.0.0.1. */
  readonly port: number
  /** A folder of its own for configuration, logs and temporary files. */
  readonly directory: string
  /** The user and group the server's workers run as, when started as root; else undefined. */
  readonly user: string | undefined
}

export interface PeerDefinition {
  readonly name: PeerName
  /** The program, without its folder. */
  readonly binary: string
  /** File name to text, written into the server's folder before it starts. */
  configuration(context: PeerContext): Readonly<Record<string, string>>
  /** Arguments that keep the server in the foreground. */
  args(context: PeerContext): readonly string[]
}

/** `host:port` or the path of the socket with `prefix` before it: how most servers name a backend. */
export function backendAddress(backend: Backend, prefix: string): string {
  return 'unix' in backend ? prefix + backend.unix : `${backend.host}:${backend.tcpPort}`
}
