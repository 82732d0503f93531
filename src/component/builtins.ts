/** The canonical functions for what runs at the same time (canonical ABI: tasks, waitables, streams, futures). */
import { suspending } from '../wasi/jspi.ts'
import { Channel } from './channel.ts'
import { addEnd, BLOCKED, type ChannelEnd, nameOfEnd, type Side } from './channel-end.ts'
import { arePassedInMemory } from './check-core-types.ts'
import type { CoreReach } from './core-reach.ts'
import { ERROR_CONTEXT, ErrorContext } from './error-context.ts'
import { GuestBuffer } from './guest-buffer.ts'
import { fault } from './guest-fault.ts'
import { type Core, liftFields, liftFlat } from './lift.ts'
import { FOR_HOST } from './lift-bounds.ts'
import { storeValue } from './lower.ts'
import { checkRange, viewOf } from './memory-range.ts'
import type { BuiltinFunction, ValueType } from './plan.ts'
import { printType } from './print-type.ts'
import { SUBTASK, Subtask } from './subtask.ts'
import type { Task } from './task.ts'
import type { Value } from './value.ts'
import { type GuestEvent, NO_EVENT, WAITABLE_SET, Waitable, WaitableSet } from './waitable.ts'

/** Calls of a component that are held off, by its own count. */
export const MAX_BACKPRESSURE = 65_535
/** What one takes that nobody waits for, in nanoseconds, about. */
const SMALL_WORK = 100
const INDEX_BITS = 32n
const STRING: ValueType = { kind: 'primitive', of: 'string' }

type Call = (...cores: Core[]) => Core | Promise<Core>

/** Those that the guest may call while it is given memory. */
const ANYWHERE: ReadonlySet<string> = new Set([
  ...['context.get', 'context.set', 'backpressure.inc', 'backpressure.dec'],
])

export class Builtins {
  readonly #reach: CoreReach

  constructor(reach: CoreReach) {
    this.#reach = reach
  }

  /** What a core module is given. */
  import(definition: BuiltinFunction): WebAssembly.ImportValue {
    const { host } = this.#reach
    const { call, waits } = this.#bind(definition)
    const isAnywhere = ANYWHERE.has(definition.name)
    const entered: Call = (...cores) => {
      try {
        if (isAnywhere) host.charge(SMALL_WORK)
        else host.enter()
        const answer = call(...cores)
        return answer instanceof Promise ? host.settled(answer) : answer
      } catch (error) {
        throw host.trap(error)
      }
    }
    return waits
      ? (suspending(entered as (...cores: never[]) => number) as WebAssembly.ImportValue)
      : (entered as WebAssembly.ImportValue)
  }

  #bind(definition: BuiltinFunction): { readonly call: Call; readonly waits: boolean } {
    const { name, options, slot } = definition
    const plain = (call: Call) => ({ call, waits: false })
    const isSync = !options.isAsync
    switch (name) {
      case 'task.return':
        return plain((...cores) => this.#return(definition, cores))
      case 'task.cancel':
        return plain(() => {
          // Nobody that calls what a component exports wants it cancelled.
          throw fault('task.cancel was called, and nobody has asked for it')
        })
      case 'context.get':
        return plain(() => this.#task(definition).context[slot] ?? 0)
      case 'context.set':
        return plain((value) => {
          this.#task(definition).context[slot] = Number(value)
          return 0
        })
      case 'backpressure.inc':
        return plain(() => this.#press(definition, 1))
      case 'backpressure.dec':
        return plain(() => this.#press(definition, -1))
      case 'thread.yield':
        return plain(() => {
          this.#reach.host.work.step()
          return 0
        })
      case 'subtask.cancel':
        return plain((index) => this.#subtask(definition, index).cancel())
      case 'subtask.drop':
        return plain((index) => this.#drop(definition, SUBTASK, index))
      case 'error-context.new':
        return plain((...cores) => this.#newErrorContext(definition, cores))
      case 'error-context.debug-message':
        return plain((index, pointer) =>
          this.#tellMessage(definition, Number(index), Number(pointer)),
        )
      case 'error-context.drop':
        return plain((index) => this.#drop(definition, ERROR_CONTEXT, index))
      case 'waitable-set.new':
        return plain(() => this.#handles(definition).add(WAITABLE_SET, new WaitableSet()))
      case 'waitable-set.wait':
        return { call: (set, at) => this.#wait(definition, Number(set), Number(at)), waits: true }
      case 'waitable-set.poll':
        return plain((set, at) => this.#poll(definition, Number(set), Number(at)))
      case 'waitable-set.drop':
        return plain((index) => this.#dropSet(definition, Number(index)))
      case 'waitable.join':
        return plain((index, set) => this.#join(definition, Number(index), Number(set)))
      case 'stream.new':
      case 'future.new':
        return plain(() => this.#new(definition))
      case 'stream.read':
      case 'future.read':
        return { call: (...cores) => this.#copy(definition, 'read', cores), waits: isSync }
      case 'stream.write':
      case 'future.write':
        return { call: (...cores) => this.#copy(definition, 'write', cores), waits: isSync }
      case 'stream.cancel-read':
      case 'future.cancel-read':
        return plain((index) => this.#cancel(definition, 'read', index))
      case 'stream.cancel-write':
      case 'future.cancel-write':
        return plain((index) => this.#cancel(definition, 'write', index))
      case 'stream.drop-readable':
      case 'future.drop-readable':
        return plain((index) =>
          this.#drop(definition, nameOfEnd(typeOf(definition), 'read'), index),
        )
      case 'stream.drop-writable':
      case 'future.drop-writable':
        return plain((index) =>
          this.#drop(definition, nameOfEnd(typeOf(definition), 'write'), index),
        )
    }
  }

  #handles({ owner }: BuiltinFunction) {
    return this.#reach.host.handles(owner)
  }

  #task({ owner, name }: BuiltinFunction): Task {
    const task = this.#reach.host.tasks.at(-1)
    if (task?.lifted.owner !== owner) throw fault(`${name} is called outside of any task`)
    return task
  }

  #return(definition: BuiltinFunction, cores: readonly Core[]): number {
    const task = this.#task(definition)
    const { type, options } = definition
    const { lifted } = task
    if (!lifted.options.isAsync) throw fault('task.return is called by what returns its answer')
    if (printed(type) !== printed(lifted.type.result))
      throw fault(
        `task.return answers ${printed(type)}, wanted ${printed(lifted.type.result)} as was said of the function`,
      )
    const reach = this.#reach
    const isSame = (item: typeof options.memory, other: typeof options.memory): boolean =>
      (item && reach.item(item)) === (other && reach.item(other))
    if (
      options.encoding !== lifted.options.encoding ||
      !isSame(options.memory, lifted.options.memory)
    )
      throw fault('task.return has another memory or encoding than its function')
    const scope = reach.liftScope(options, definition.owner, { bounds: task.bounds, lent: [] })
    let value: Value
    if (type !== undefined)
      value = arePassedInMemory([type])
        ? liftFields(scope, [type], Number(cores[0] ?? 0))[0]
        : liftFlat(scope, [type], cores)[0]
    task.return(value)
    return 0
  }

  /** There is one call of a component at a time, so that there is nothing else to hold off. */
  #press({ owner }: BuiltinFunction, by: 1 | -1): number {
    const { backpressure } = this.#reach.host
    const pressure = (backpressure.get(owner) ?? 0) + by
    if (pressure < 0 || pressure > MAX_BACKPRESSURE)
      throw fault(`its backpressure is ${pressure}, wanted 0 to ${MAX_BACKPRESSURE}`)
    backpressure.set(owner, pressure)
    return 0
  }

  #subtask(definition: BuiltinFunction, index: Core | undefined): Subtask {
    const { representation } = this.#handles(definition).get(Number(index), SUBTASK)
    if (!(representation instanceof Subtask)) throw fault('it is no call')
    if (representation.isInSet && !definition.options.isAsync)
      throw fault(`call ${representation.index} is waited for twice`)
    return representation
  }

  #drop(definition: BuiltinFunction, name: string, index: Core | undefined): number {
    const taken = this.#handles(definition).take(Number(index), name)
    if (typeof taken !== 'number') taken.drop()
    return 0
  }

  #newErrorContext(definition: BuiltinFunction, cores: readonly Core[]): number {
    const { options, owner } = definition
    const scope = this.#reach.liftScope(options, owner, { bounds: FOR_HOST, lent: [] })
    const [message] = liftFlat(scope, [STRING], cores)
    return this.#handles(definition).add(ERROR_CONTEXT, new ErrorContext(message as string))
  }

  #tellMessage(definition: BuiltinFunction, index: number, pointer: number): number {
    const { message } = this.#handles(definition).get(index, ERROR_CONTEXT)
      .representation as ErrorContext
    const scope = this.#reach.lowerScope(definition.options, definition.owner)
    storeValue(scope, STRING, message, pointer)
    return 0
  }

  #dropSet(definition: BuiltinFunction, index: number): number {
    const { size } = this.#set(definition, index).members
    if (size > 0) throw fault(`a set of waitables is given up with ${size} in it`)
    return this.#drop(definition, WAITABLE_SET, index)
  }

  #set(definition: BuiltinFunction, index: number): WaitableSet {
    return this.#handles(definition).get(index, WAITABLE_SET).representation as WaitableSet
  }

  #join(definition: BuiltinFunction, index: number, set: number): number {
    const { representation } = this.#handles(definition).any(index)
    if (!(representation instanceof Waitable))
      throw fault(`handle ${index >>> 0} is nothing that can be waited for`)
    representation.join(set === 0 ? undefined : this.#set(definition, set))
    return 0
  }

  #wait(definition: BuiltinFunction, index: number, at: number): number | Promise<number> {
    const set = this.#set(definition, index)
    const waited = this.#reach.host.waitFor(set)
    return waited instanceof Promise
      ? waited.then((event) => this.#tell(definition, event, at))
      : this.#tell(definition, waited, at)
  }

  #poll(definition: BuiltinFunction, index: number, at: number): number {
    const set = this.#set(definition, index)
    this.#reach.host.work.step()
    return this.#tell(definition, set.takeEvent() ?? NO_EVENT, at)
  }

  #tell({ options, owner }: BuiltinFunction, event: GuestEvent, pointer: number): number {
    const scope = this.#reach.lowerScope(options, owner)
    const at = pointer >>> 0
    checkRange(scope, { at, bytes: 8, alignment: 4 })
    const view = viewOf(scope)
    view.setUint32(at, event[1], true)
    view.setUint32(at + 4, event[2], true)
    return event[0]
  }

  #new(definition: BuiltinFunction): bigint {
    const type = typeOf(definition)
    const handles = this.#handles(definition)
    const channel = new Channel(type.kind === 'future')
    const readable = addEnd(handles, type, { channel, side: 'read' })
    const writable = addEnd(handles, type, { channel, side: 'write' })
    return BigInt(readable) | (BigInt(writable) << INDEX_BITS)
  }

  #end(definition: BuiltinFunction, side: Side, index: Core | undefined): ChannelEnd {
    const name = nameOfEnd(typeOf(definition), side)
    const end = this.#handles(definition).get(Number(index), name).representation as ChannelEnd
    if (end.isInSet && !definition.options.isAsync)
      throw fault(`handle ${end.index} is waited for twice`)
    return end
  }

  #copy(
    definition: BuiltinFunction,
    side: Side,
    [index, pointer, length]: readonly Core[],
  ): number | Promise<number> {
    const { host } = this.#reach
    const end = this.#end(definition, side, index)
    const { element, kind } = typeOf(definition)
    const place = {
      element,
      pointer: Number(pointer) >>> 0,
      length: kind === 'future' ? 1 : Number(length) >>> 0,
    }
    end.start(new GuestBuffer(this.#reach, definition, place), definition.owner)
    if (!end.hasEvent) host.work.step()
    const told = end.takeEvent()
    if (told !== undefined) return told[2]
    if (definition.options.isAsync) return BLOCKED
    const answer = (): number => end.takeEvent()?.[2] ?? BLOCKED
    const waited = host.work.until(() => end.hasEvent)
    return waited instanceof Promise ? waited.then(answer) : answer()
  }

  #cancel(definition: BuiltinFunction, side: Side, index: Core | undefined): number {
    const end = this.#end(definition, side, index)
    end.cancel()
    return end.takeEvent()?.[2] ?? BLOCKED
  }
}

function typeOf({ type }: BuiltinFunction): Extract<ValueType, { kind: 'stream' | 'future' }> {
  if (type?.kind === 'stream' || type?.kind === 'future') return type
  throw new Error(`Cannot call a canonical function: found a ${type?.kind}, wanted a stream`)
}

function printed(type: ValueType | undefined): string {
  return type === undefined ? 'nothing' : printType(type)
}
