/**
 * A store in a registry. A tag stands for an index of manifests (image-spec, "OCI Image Index"). One of them, of the title `records`, has the
 * records of all tenants for its configuration; the others name the bytes that these lead to, each those of digests that begin with its
 * title, so that no registry clears them away. Whoever follows asks for the first, and for bytes by their digests.
 */
import { IMAGE_INDEX, IMAGE_MANIFEST } from '../oci/media-types.ts'
import { type BlobName, isDigest } from '../oci/registry-digest.ts'
import { strangeAnswer } from './errors.ts'

export const RECORDS_TITLE = 'records'

const RECORDS_TYPE = 'application/vnd.wasm-fpm.records.v1+json'
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
const BYTES_TYPE = 'application/octet-stream'
const TITLE = 'org.opencontainers.image.title'

/** What a configuration holds that says nothing (image-spec, "Guidance for an Empty Descriptor"). */
export const EMPTY: Uint8Array = Buffer.from('{}')

/** The manifest of the records. */
export function encodeRecordsManifest(records: BlobName): Uint8Array {
  return encode({
    mediaType: IMAGE_MANIFEST,
    config: descriptor(records, RECORDS_TYPE),
    layers: [],
  })
}

/** The manifest that keeps bytes. `empty`: the blob of `EMPTY`. */
export function encodeBytesManifest(empty: BlobName, parts: readonly BlobName[]): Uint8Array {
  const layers = parts.map((part) => descriptor(part, BYTES_TYPE))
  return encode({ mediaType: IMAGE_MANIFEST, config: descriptor(empty, EMPTY_TYPE), layers })
}

/** `manifests`: by their titles. */
export function encodeIndex(manifests: ReadonlyMap<string, BlobName>): Uint8Array {
  const list = [...manifests].map(([title, one]) => ({
    ...descriptor(one, IMAGE_MANIFEST),
    annotations: { [TITLE]: title },
  }))
  return encode({ mediaType: IMAGE_INDEX, manifests: list })
}

/** By their titles. Throws `FollowError` (FOLLOW_STRANGE_ANSWER). `source`: its name. */
export function readStoreIndex(bytes: Uint8Array, source: string): ReadonlyMap<string, BlobName> {
  const manifests = field(parse(bytes, source), 'manifests')
  if (!Array.isArray(manifests)) throw strangeAnswer(source, 'it is no index of manifests')
  const found = new Map<string, BlobName>()
  for (const one of manifests) {
    const title = field(field(one, 'annotations'), TITLE)
    if (typeof title === 'string') found.set(title, readDescriptor(one, source))
  }
  return found
}

/** Which bytes a manifest has for its configuration. Throws `FollowError` (FOLLOW_STRANGE_ANSWER). */
export function readConfigName(bytes: Uint8Array, source: string): BlobName {
  return readDescriptor(field(parse(bytes, source), 'config'), source)
}

/** Which bytes a manifest keeps. Throws `FollowError` (FOLLOW_STRANGE_ANSWER). */
export function readKept(bytes: Uint8Array, source: string): readonly BlobName[] {
  const layers = field(parse(bytes, source), 'layers')
  if (!Array.isArray(layers)) throw strangeAnswer(source, 'a manifest has no layers')
  return layers.map((one) => readDescriptor(one, source))
}

function descriptor({ digest, size }: BlobName, mediaType: string) {
  return { mediaType, digest, size }
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, ...value }))
}

function parse(bytes: Uint8Array, source: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw strangeAnswer(source, 'a manifest is no JSON')
  }
}

function readDescriptor(value: unknown, source: string): BlobName {
  const [digest, size] = [field(value, 'digest'), field(value, 'size')]
  const isGood = isDigest(digest) && typeof size === 'number' && Number.isSafeInteger(size)
  if (!isGood || size < 0) throw strangeAnswer(source, 'a manifest names bytes without a digest')
  return { digest, size }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
