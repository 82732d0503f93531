/**
 * Publishing over the network: the upload goes into a workspace of the store, bounded, and from there the way of every
 * publication. Once the upload is whole the publication runs to its end, whether or not its client still listens.
 */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TenantConfig } from '../config/config.ts'
import { publishAllowance } from '../config/publish-allowance.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { storeFileError } from '../store/errors.ts'
import { isName } from '../store/layout.ts'
import { readSigners } from '../store/public-key.ts'
import {
  type Publication,
  publish,
  type StoredRelease,
  storeRelease,
} from '../store/publication.ts'
import type { PublisherAccount } from '../store/publisher-process.ts'
import type { CanaryOptions, Workspace } from '../store/release-store.ts'
import { type AdminContext, tenantOf } from './context.ts'
import type { Answer, Call, QueryParameter } from './endpoint.ts'
import { AdminError } from './errors.ts'
import { unpack } from './unpack.ts'

/** A folder as a tar archive, gzipped or not; or a module alone. */
export const UPLOAD_TYPES = ['application/gzip', 'application/x-tar', 'application/wasm']

export const PUBLISH_QUERY: readonly QueryParameter[] = [
  { name: 'handler', description: "The handler's name; takes the place of the manifest's." },
  { name: 'route', description: "Where it answers; takes the place of the manifest's routes." },
  { name: 'runtime', description: "What runs it, scripts; takes the place of the manifest's." },
  { name: 'name', description: "The handler's name if nothing else says it. Default: main." },
  { name: 'weight', description: 'Percent of the requests, 1 to 99: makes it a canary.' },
  { name: 'sticky', description: 'true: clients stay with the release that answered them first.' },
  { name: 'progress', description: 'true: lines that tell how far hardening is, too.' },
  {
    name: 'switch',
    description:
      'false: it is stored and not live; weight then only says that it must be able to be a canary.',
  },
]

const DEFAULT_NAME = 'main'

/** Whom the publisher's process runs as when this one is root and the pool has no user. */
const NOBODY: PublisherAccount = { uid: 65_534, gid: 65_534 }

export async function publishUpload(context: AdminContext, call: Call): Promise<Answer> {
  const tenant = tenantOf(context, call.tenant)
  const { handler, route, runtime, name, canary, isSwitched, wantsProgress } = readQuery(call.query)
  const { store, clock, slots, turns } = context
  call.notes.handler = handler
  const giveBack = slots.take(call.principal.tenant ?? '')
  let workspace: Workspace | undefined
  try {
    workspace = await store.makeWorkspace()
    const source = await receive(context, call, join(workspace.folder, name))
    const work = isSwitched ? publish : storeRelease
    const signers = await readSigners(tenant.signers)
    // An upload costs little, and its client may make it last: only from here on others would have to wait for it.
    const publication = await turns.take(() =>
      work(source, {
        store,
        tenant: tenant.name,
        ...{ handler, route, runtime, canary },
        signers,
        units: { size: parseSize, duration: parseDuration },
        allowance: (name) => publishAllowance(tenant, name, context.settings().settings),
        clock,
        account: accountFor(context, tenant),
        limits: store.limits,
        onStep: ({ step, note, found, ms }) => call.line({ event: 'step', step, note, found, ms }),
        onHardened: wantsProgress
          ? (done, total) => call.line({ event: 'progress', step: 'harden', done, total })
          : undefined,
      }),
    )
    return answer(publication, call)
  } finally {
    await workspace?.remove()
    giveBack()
  }
}

function answer(publication: Publication | StoredRelease, { tenant, notes }: Call): Answer {
  const { release, stored } = publication
  const { name: handler } = release.manifest
  Object.assign(notes, { handler, release: stored.release })
  if ('switched' in publication) {
    const { switched } = publication
    notes.previous = switched.previous
    const value = { event: 'published', ...switched, live: switched.release, ...stored }
    return { status: 201, value }
  }
  notes.switched = false
  // Scripts have the memory of their runtime.
  const memoryMaxBytes = release.hardened?.memoryMaxBytes ?? 0
  const value = { event: 'stored', tenant, handler, memoryMaxBytes, ...stored }
  return { status: 201, value }
}

interface PublishQuery {
  readonly handler: string | undefined
  readonly route: string | undefined
  readonly runtime: string | undefined
  readonly name: string
  readonly canary: CanaryOptions | undefined
  /** Whether it goes live, as a canary or all of it. */
  readonly isSwitched: boolean
  readonly wantsProgress: boolean
}

function readQuery(query: ReadonlyMap<string, string>): PublishQuery {
  const handler = readName(query, 'handler')
  const [weight, sticky] = [query.get('weight'), readFlag(query, 'sticky')]
  const percent = Number(weight ?? '1')
  if (!(Number.isInteger(percent) && percent >= 1 && percent <= 99)) {
    throw badQuery('weight', weight, 'a whole number from 1 to 99')
  }
  if (sticky !== undefined && weight === undefined) {
    throw badQuery('sticky', query.get('sticky'), 'weight beside it')
  }
  return {
    handler,
    route: query.get('route'),
    runtime: readName(query, 'runtime'),
    name: readName(query, 'name') ?? DEFAULT_NAME,
    canary: weight === undefined ? undefined : { weight: percent, sticky: sticky === true },
    isSwitched: readFlag(query, 'switch') ?? true,
    wantsProgress: readFlag(query, 'progress') ?? false,
  }
}

function readFlag(query: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const value = query.get(name)
  if (value === undefined) return undefined
  if (value !== 'true' && value !== 'false') throw badQuery(name, value, 'true or false')
  return value === 'true'
}

function readName(query: ReadonlyMap<string, string>, name: string): string | undefined {
  const value = query.get(name)
  if (value === undefined || isName(value)) return value
  const wanted = '1 to 63 letters, digits, ".", "_" or "-", a letter or digit first'
  throw badQuery(name, value, wanted)
}

function badQuery(name: string, actual: string | undefined, wanted: string): AdminError {
  return new AdminError(
    'ADMIN_BAD_REQUEST',
    `Cannot read parameter ${name}: it is ${JSON.stringify(actual)}, wanted ${wanted}`,
    { details: { parameter: name } },
  )
}

/** Puts the upload at `path`, which is free; answers what is to be published. */
async function receive(
  { limits, store }: AdminContext,
  { mediaType, body }: Call,
  path: string,
): Promise<string> {
  if (mediaType === 'application/wasm') {
    const file = `${path}.wasm`
    await attempt(file, () =>
      pipeline(
        Readable.from(body(Math.min(limits.uploadBytes, store.limits.moduleBytes))),
        createWriteStream(file, { flags: 'wx', mode: 0o600 }),
      ),
    )
    return file
  }
  await attempt(path, async () => {
    await mkdir(path, { mode: 0o700 })
    const isGzipped = mediaType === 'application/gzip'
    await unpack(body(limits.uploadBytes), path, { isGzipped, limits })
  })
  return path
}

/** A full disk gets the store's own code. */
async function attempt(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw storeFileError(`write ${path}`, error)
    throw error
  }
}

/** Undefined: this user, who is not root. */
function accountFor(context: AdminContext, { pool }: TenantConfig): PublisherAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  const user = context.settings().users[pool]
  return user === undefined || user.uid === 0 ? NOBODY : user
}
