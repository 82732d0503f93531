/** The wasm-fpm of a soak, as it is installed: two workers, several tenants over one folder of guests, a configuration that is written anew again and again. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { askStatus, command } from '../../src/master/control-client.ts'
import { Child } from '../support/peers/child.ts'
import { makeSite } from '../support/peers/site.ts'
import { SERVER_USER } from '../support/peers/start-peer.ts'
import { PROGRAM } from '../support/program.ts'

export const WORKERS = 2

/** Guests of the neighbour tenant that misbehave. */
export const HOSTILE_GUESTS = [
  'endless-loop',
  'grow-memory-for-ever',
  'flood-body',
  'trap-in-body',
] as const

export const HOSTILE_HOST = 'hog.example'

/** What a reload changes; everything else stays. */
export interface Edition {
  /** Variable of every tenant's guests. */
  readonly edition: number
  /** Folders, each the root of one more tenant. */
  readonly moreRoots: readonly string[]
  /** Lines that make the configuration a wrong one. */
  readonly broken: string
}

export interface SoakServer {
  readonly socket: string
  /** The document root of every tenant. */
  readonly root: string
  readonly masterPid: number
  /** Process ids of its workers, those that start or end included. */
  workerPids(): readonly number[]
  /** Of these, the ones on their way out. */
  leavingPids(): Promise<readonly number[]>
  log(): string
  writeConfig(edition: Edition): void
  /** A new folder with a guest, outside of all others. */
  makeRoot(name: string): string
  reload(): Promise<string>
  restart(): Promise<string>
  stop(): Promise<void>
}

export async function startSoakServer(): Promise<SoakServer> {
  const site = await makeSite()
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-soak-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(site.root, 'hostile'))
  for (const name of HOSTILE_GUESTS) {
    writeFileSync(join(site.root, 'hostile', `${name}.wasm`), compileHostile(name))
  }
  const socket = join(folder, 'www.sock')
  const configFile = join(folder, 'wasm-fpm.toml')
  const writeConfig = (edition: Edition): void =>
    writeFileSync(configFile, configText({ socket, root: site.root }, edition))
  writeConfig({ edition: 0, moreRoots: [], broken: '' })
  const child = new Child(process.execPath, [...PROGRAM, 'serve', '--config', configFile], {
    directory: folder,
    env: { NODE_ENV: 'production' },
  })
  const stop = async (): Promise<void> => {
    await child.stop()
    rmSync(folder, { recursive: true, force: true })
    site.remove()
  }
  try {
    await child.accepting({ unix: socket })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    socket,
    root: site.root,
    masterPid: child.pid,
    workerPids: () => childrenOf(child.pid),
    leavingPids: async () => {
      const { workers } = await askStatus(configFile, 'spare')
      return workers.filter(({ state }) => state === 'draining').map(({ pid }) => pid)
    },
    log: () => child.output(),
    writeConfig,
    makeRoot: (name) => {
      const root = join(folder, name)
      mkdirSync(root, { recursive: true })
      copyFileSync(join(site.root, 'as/hello.wasm'), join(root, 'hello.wasm'))
      return root
    },
    reload: () => command(configFile, 'reload'),
    restart: () => command(configFile, 'restart'),
    stop,
  }
}

function configText(
  { socket, root }: { readonly socket: string; readonly root: string },
  { edition, moreRoots, broken }: Edition,
): string {
  const env = `env = { EDITION = "${edition}" }`
  const tenant = (name: string, hosts: readonly string[], lines: readonly string[]): string => `
[[tenant]]
name = "${name}"
pool = "www"
hosts = [${hosts.map((host) => `"${host}"`).join(', ')}]
access_log = "off"
${env}
${lines.join('\n')}
`
  const own =
    SERVER_USER === undefined
      ? []
      : [`listen_owner = "${SERVER_USER}"`, `listen_group = "${SERVER_USER}"`]
  return `
process_control_timeout = "10s"
${broken}
[[pool]]
name = "www"
listen = ["${socket}"]
workers = ${WORKERS}
${own.join('\n')}
${tenant('site', ['localhost', '127.0.0.1'], [`root = "${root}"`, 'max_children = 64'])}
${tenant('spare', ['spare.example'], [`root = "${root}"`, 'pm = "dynamic"'])}
${tenant(
  'hog',
  [HOSTILE_HOST],
  [
    `root = "${root}"`,
    'max_children = 8',
    '[tenant.limits]',
    'cpu = "100ms"',
    'wall = "2s"',
    'memory = "16MiB"',
    'response_body = "2MiB"',
  ],
)}
${moreRoots.map((more, index) => tenant(`more-${index}`, [`more-${index}.example`], [`root = "${more}"`])).join('')}
`
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter((text) => text !== '')
        .map(Number)
    } catch {
      return [] // the thread has ended
    }
  })
}
