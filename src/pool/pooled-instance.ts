/** An instance with what the pool and status pages know of it, for as long as it lives, and the place where it is kept. */
import type { Engine, Instance } from '../guest/engine.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { GuestReport } from '../guest/job.ts'
import type { Sizing } from './sizing.ts'

/** What a request is about; strings as the web server sent them. */
export interface JobSubject {
  method: string
  uri: string
  script: string
  user: string
  contentLength: number
}

const NO_SUBJECT: Readonly<JobSubject> = {
  method: '',
  uri: '',
  script: '',
  user: '',
  contentLength: 0,
}

/** Instances of one tenant, in all its places. */
export interface IdleCount {
  readonly tenant: string
  idle: number
  /** Those that a request has. One that has a slot and waits for the thread has none yet: it will take an idle one. */
  busy: number
}

/** One of the tenant's handlers, with one module and engine: tenants never share an instance. */
export class Place {
  readonly owner: IdleCount
  readonly engine: Engine
  readonly name: string
  /** Those that wait for a request; the one that was used last comes last. */
  readonly idle: PooledInstance[] = []
  /** Those whose run is over and that have to be put back. */
  readonly used: PooledInstance[] = []

  constructor(owner: IdleCount, engine: Engine, name: string) {
    this.owner = owner
    this.engine = engine
    this.name = name
  }
}

let instances = 0

export class PooledInstance {
  readonly instance: Instance
  readonly module: GuestModule
  readonly place: Place
  /** Counts the instances of this process. */
  number = 0
  /** On the pool's clock, in milliseconds. */
  madeMs = 0
  requests = 0
  /** Whether it was made for a request, and that one is not over. */
  isNew = false
  isRunning = false
  /** When its latest run started and, if it is over, ended. */
  startedMs = 0
  endedMs = 0
  /** What its latest run was about: filled in anew for each. */
  readonly subject: JobSubject = { ...NO_SUBJECT }
  last: GuestReport | undefined = undefined

  /** What the request that had it last says about keeping it. */
  sizing: Sizing | undefined = undefined
  maxRequests = 0
  /** While it runs: where it is in the list of those that do, and what it is going to need, in bytes. */
  runningAt = -1
  needBytes = 0
  /** While it is idle: its neighbours in the order of last use, what it holds (bytes, mappings of the process), and until when it is kept. */
  older: PooledInstance | undefined = undefined
  newer: PooledInstance | undefined = undefined
  idleBytes = 0
  idleMappings = 0
  expiresMs = 0
  /** Whether it has been idle for so long that it rests. */
  isResting = false

  constructor(instance: Instance, { module, place, nowMs }: InstanceParts) {
    this.instance = instance
    this.module = module
    this.place = place
    this.renewed(nowMs)
  }

  /** From here on it is another one. */
  renewed(nowMs: number): void {
    instances += 1
    this.number = instances
    this.madeMs = nowMs
    this.requests = 0
    this.isRunning = false
    this.startedMs = nowMs
    this.endedMs = nowMs
    Object.assign(this.subject, NO_SUBJECT)
    this.last = undefined
  }
}

export interface InstanceParts {
  readonly module: GuestModule
  readonly place: Place
  /** On the pool's clock. */
  readonly nowMs: number
}
