/** Compiles one hardened core module: its memories are its host's, and what they begin with is written where instances map it. */
import { markedWork } from '../wasm/hardened-mark.ts'
import { importMemories, type MemorySize } from '../wasm/import-memories.ts'
import { keepExports } from '../wasm/keep-exports.ts'
import { takeOutData } from '../wasm/take-out-data.ts'
import { compileModule } from './compile.ts'
import { GuestError } from './errors.ts'
import type { ImagePlace } from './guest-module.ts'
import { dropImage, writeImage } from './mapped-memory.ts'
import { v8Refusal } from './v8-refusal.ts'

const PAGE_BYTES = 65_536

export interface CoreSource {
  /** For messages. */
  readonly name: string
  /** As it was before it was hardened, where that is known. */
  readonly original?: Uint8Array<ArrayBuffer> | undefined
  /** Which exports its host asks for. */
  readonly wanted: (name: string) => boolean
  /** The sizes that its memories are given. Default: those that they have. */
  readonly sizes?: (declared: readonly MemorySize[]) => readonly MemorySize[]
}

export interface CompiledCore {
  readonly module: WebAssembly.Module
  readonly memories: readonly MemorySize[]
  readonly images: readonly ImagePlace[]
}

/** Throws GUEST_INVALID_MODULE. Images are the caller's to drop when something else fails. */
export async function compileCore(
  hardened: Uint8Array<ArrayBuffer>,
  source: CoreSource,
): Promise<CompiledCore> {
  const { bytes: whole, memories: declared } = importMemories(hardened)
  const memories = source.sizes?.(declared) ?? declared
  const { bytes, images } = takeImages(keepExports(whole, source.wanted), memories)
  try {
    return { module: await compileBytes(bytes, hardened, source), memories, images }
  } catch (error) {
    dropImages(images)
    throw error
  }
}

async function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hardened: Uint8Array<ArrayBuffer>,
  { name, original }: CoreSource,
): Promise<WebAssembly.Module> {
  try {
    return await compileModule(bytes, markedWork(hardened))
  } catch (cause) {
    throw new GuestError(
      'GUEST_INVALID_MODULE',
      `Cannot compile ${name}: ${v8Refusal(cause, original)}, wanted a WebAssembly module`,
      { cause },
    )
  }
}

/** Takes out of a module what memories have from the start, where that is much, and writes it where instances map it. */
function takeImages(
  whole: Uint8Array<ArrayBuffer>,
  memories: readonly MemorySize[],
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly images: readonly ImagePlace[] } {
  const taken = takeOutData(whole, memories)
  if (taken === undefined) return { bytes: whole, images: [] }
  const images: ImagePlace[] = []
  for (const [index, { initial }] of memories.entries()) {
    const pieces = taken.pieces.filter(({ memory }) => memory === index)
    const length = initial * PAGE_BYTES
    const offset = pieces.length === 0 ? undefined : writeImage(length, pieces)
    if (offset !== undefined) images.push({ memory: index, offset, length })
    else if (pieces.length > 0) {
      // The system does not do it.
      dropImages(images)
      return { bytes: whole, images: [] }
    }
  }
  return { bytes: taken.bytes, images }
}

export function dropImages(images: readonly ImagePlace[]): void {
  for (const { offset, length } of images) dropImage(offset, length)
}
