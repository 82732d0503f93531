/** Manifests of artifacts (image-spec, manifest.md and image-index.md): read from anybody, written for the module of one. */
import { z } from 'zod'
import { OciError, ociLimitError, printable } from './errors.ts'
import type { OciLimits } from './limits.ts'
import {
  ARCHIVE_LAYER,
  IMAGE_MANIFEST,
  isArchiveLayer,
  isIndex,
  isManifest,
  isWasmLayer,
  WASM_CONFIG,
  WASM_LAYER,
} from './media-types.ts'
import type { FetchedManifest } from './registry-client.ts'
import { type BlobName, type Digest, isDigest } from './registry-digest.ts'

const TITLE = 'org.opencontainers.image.title'
const CREATED = 'org.opencontainers.image.created'

export interface Layer extends BlobName {
  readonly mediaType: string
  /** What the file was called, if that is said. */
  readonly title: string | undefined
}

/** What of an artifact is of use here. */
export interface ArtifactLayers {
  /** Undefined: it is in the archive. */
  readonly module: Layer | undefined
  readonly archives: readonly Layer[]
}

export interface NewArtifact {
  readonly module: BlobName & { readonly title: string }
  readonly archive: BlobName | undefined
  readonly created: string
  readonly annotations: Readonly<Record<string, string>>
}

const descriptor = z.object({
  mediaType: z.string().max(255),
  digest: z.custom<Digest>(isDigest, 'wanted sha256: and 64 digits'),
  size: z.int().min(0),
})

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  layers: z.array(
    descriptor.extend({ annotations: z.object({ [TITLE]: z.string().optional() }).optional() }),
  ),
})

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(
    descriptor.extend({
      platform: z.object({ architecture: z.string(), os: z.string() }).optional(),
    }),
  ),
})

/**
 * The manifest an index has for WebAssembly; undefined: `fetched` is a manifest itself. Throws OCI_BAD_MANIFEST,
 * OCI_NO_MODULE.
 */
export function chooseFromIndex(fetched: FetchedManifest): BlobName | undefined {
  if (!isIndex(fetched.mediaType)) return undefined
  const { manifests } = parse(indexSchema, fetched)
  const found = manifests.filter(({ mediaType, platform }) => {
    const isWasm = platform?.architecture === 'wasm' || platform?.architecture === 'wasm32'
    return isManifest(mediaType) && isWasm && platform.os.startsWith('wasi')
  })
  // Preview 1 is what runs here; another only where there is nothing else, so that its own error comes of it.
  const best = found.find(({ platform }) => platform?.os !== 'wasip2') ?? found[0]
  if (best !== undefined) return { digest: best.digest, size: best.size }
  const platforms = manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)
  throw new OciError(
    'OCI_NO_MODULE',
    `Cannot use the index: it is for ${printable(platforms.slice(0, 8).join(', ')) || 'nothing'}, wanted wasi/wasm or wasip1/wasm`,
  )
}

/** Throws OCI_BAD_MANIFEST, OCI_NO_MODULE, OCI_LIMIT_EXCEEDED. */
export function chooseLayers(fetched: FetchedManifest, limits: OciLimits): ArtifactLayers {
  if (!isManifest(fetched.mediaType)) {
    throw badManifest(`it is ${JSON.stringify(printable(fetched.mediaType))}`, IMAGE_MANIFEST)
  }
  const layers = parse(manifestSchema, fetched).layers.map(
    ({ annotations, ...rest }): Layer => ({ ...rest, title: annotations?.[TITLE] }),
  )
  check('layers', layers.length, limits)
  const modules = layers.filter(({ mediaType }) => isWasmLayer(mediaType))
  const archives = layers.filter(({ mediaType }) => isArchiveLayer(mediaType))
  const [module] = modules
  // A module in an archive is how images for containers and for some proxies come; several archives are a system, no module.
  if (modules.length > 1 || (module === undefined && archives.length !== 1)) {
    const types = [...new Set(layers.map(({ mediaType }) => mediaType))].slice(0, 4).join(', ')
    throw new OciError(
      'OCI_NO_MODULE',
      `Cannot use the artifact: it has ${modules.length} modules among ${layers.length} layers (${printable(types)}), wanted one layer of ${WASM_LAYER}`,
    )
  }
  if (module !== undefined) check('moduleBytes', module.size, limits)
  for (const { size } of archives) check('archiveBytes', size, limits)
  return { module, archives }
}

/** The configuration of an artifact: for the wasm tools, and, through the digests, different for each. */
export function encodeConfig({ module, archive, created }: NewArtifact): Uint8Array {
  return encode({
    created,
    architecture: 'wasm',
    os: 'wasip1',
    layerDigests: [module.digest, ...(archive === undefined ? [] : [archive.digest])],
  })
}

/** `config`: what names the bytes of `encodeConfig`. */
export function encodeManifest(artifact: NewArtifact, config: BlobName): Uint8Array {
  const { module, archive, created, annotations } = artifact
  return encode({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST,
    config: { mediaType: WASM_CONFIG, digest: config.digest, size: config.size },
    layers: [
      {
        mediaType: WASM_LAYER,
        digest: module.digest,
        size: module.size,
        annotations: { [TITLE]: module.title },
      },
      ...(archive === undefined
        ? []
        : [{ mediaType: ARCHIVE_LAYER, digest: archive.digest, size: archive.size }]),
    ],
    annotations: { [CREATED]: created, ...annotations },
  })
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function parse<Schema extends z.ZodType<{ mediaType?: string | undefined }>>(
  schema: Schema,
  { bytes, mediaType }: FetchedManifest,
): z.output<Schema> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw badManifest('it is no JSON', 'JSON in UTF-8')
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = printable(issue?.path.map(String).join('.') ?? '')
    throw badManifest(
      `${where || 'the whole'} is wrong: ${printable(issue?.message ?? '')}`,
      'an artifact',
    )
  }
  // Two readings of the same bytes are how one artifact is taken for another.
  const own = parsed.data.mediaType
  if (own === undefined || own === mediaType) return parsed.data
  throw badManifest(`it says it is ${printable(own)}`, `${mediaType}, as the registry says`)
}

function check(
  limit: 'layers' | 'moduleBytes' | 'archiveBytes',
  actual: number,
  limits: OciLimits,
): void {
  const wanted = limits[limit]
  if (actual > wanted) throw ociLimitError('pull the artifact', { limit, actual, wanted })
}

function badManifest(actual: string, wanted: string): OciError {
  return new OciError('OCI_BAD_MANIFEST', `Cannot read the manifest: ${actual}, wanted ${wanted}`)
}
