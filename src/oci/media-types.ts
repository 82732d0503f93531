/**
 * Media types of artifacts that hold WebAssembly. What is pushed has the layout of the CNCF's "Wasm OCI Artifact"; what
 * is pulled may also be of the tools that were there before it.
 */

export const IMAGE_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const IMAGE_INDEX = 'application/vnd.oci.image.index.v1+json'
export const WASM_CONFIG = 'application/vnd.wasm.config.v0+json'
export const WASM_LAYER = 'application/wasm'
export const ARCHIVE_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** Docker's own names for a manifest and for an index. */
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** Which manifests are asked for. */
export const MANIFEST_TYPES: readonly string[] = [
  IMAGE_MANIFEST,
  IMAGE_INDEX,
  DOCKER_MANIFEST,
  DOCKER_INDEX,
]

const WASM_LAYERS: ReadonlySet<string> = new Set([
  WASM_LAYER,
  // wasm-to-oci, and runtimes up to 2023.
  'application/vnd.wasm.content.layer.v1+wasm',
  // "Wasm Artifact Image Specification": proxies' plugins.
  'application/vnd.module.wasm.content.layer.v1+wasm',
])

const ARCHIVE_LAYERS: ReadonlySet<string> = new Set([
  ARCHIVE_LAYER,
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
])

/** A module, as it is. */
export function isWasmLayer(mediaType: string): boolean {
  return WASM_LAYERS.has(mediaType)
}

/** A tar archive, compressed by gzip. */
export function isArchiveLayer(mediaType: string): boolean {
  return ARCHIVE_LAYERS.has(mediaType)
}

/** A list of manifests, one for each platform. */
export function isIndex(mediaType: string): boolean {
  return mediaType === IMAGE_INDEX || mediaType === DOCKER_INDEX
}

export function isManifest(mediaType: string): boolean {
  return mediaType === IMAGE_MANIFEST || mediaType === DOCKER_MANIFEST
}
