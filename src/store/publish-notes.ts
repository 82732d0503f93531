/** What the steps of a publication say, for people and for programs; the same wherever a step is carried out. */
import type { FoundScripts } from './check-scripts.ts'
import type { Manifest } from './manifest.ts'
import type { PublicKey } from './public-key.ts'
import type { FoundValue } from './publisher-protocol.ts'
import type { Stored, Switched } from './release-store.ts'
import type { Staged } from './stage-source.ts'

export interface StepNote {
  /** For people: one line. */
  readonly note: string
  /** The same for programs. */
  readonly found: Readonly<Record<string, FoundValue>>
}

export function noteOfStaged({ manifest, module, imageFiles }: Staged): StepNote {
  const routes = manifest.routes.map(routeText)
  const bytes = imageFiles.reduce((sum, file) => sum + file.bytes, 0)
  return {
    note: `handler ${manifest.name} at ${routes.join(', ')}: ${module === undefined ? '' : `module of ${module.bytes} bytes, `}${imageFiles.length} files of ${bytes} bytes`,
    found: {
      handler: manifest.name,
      routes,
      ...(module === undefined ? {} : { moduleBytes: module.bytes, moduleDigest: module.digest }),
      files: imageFiles.length,
      fileBytes: bytes,
    },
  }
}

export function noteOfScripts({ runtime, scripts, index, isApp }: FoundScripts): StepNote {
  const note =
    scripts === undefined
      ? `for runtime ${runtime}; whether the tenant has it is seen with --config`
      : `${scripts} scripts for runtime ${runtime}; ${index ?? 'none of them'} answers its route`
  return { note, found: { runtime, scripts: scripts ?? null, index: index ?? null, isApp } }
}

function routeText({ path, methods }: Manifest['routes'][number]): string {
  return methods === undefined ? path : `${methods.join('|')} ${path}`
}

export function noteOfStored({ release, number, blobs, sharedBlobs, newBytes }: Stored): StepNote {
  return {
    note: `release ${number}, ${release.slice(0, 12)}: ${newBytes} bytes more, ${sharedBlobs} of ${blobs} blobs were there`,
    found: { release, number, blobs, sharedBlobs, newBytes },
  }
}

export function noteOfSigned({ text, id }: PublicKey): StepNote {
  return { note: `by ${text}`, found: { key: text, keyId: id } }
}

export function noteOfSwitched(switched: Switched): StepNote {
  const { release, previous, sequence, canary, droppedCanary } = switched
  const found = {
    release,
    previous: previous ?? null,
    sequence,
    ...(canary === undefined ? {} : { canary: canary.release, weight: canary.weight }),
  }
  const gone = droppedCanary === undefined ? '' : `; ${short(droppedCanary)} is no canary any more`
  if (canary !== undefined) {
    const who = canary.sticky ? 'clients' : 'requests'
    const note = `${short(canary.release)} gets ${canary.weight} % of the ${who}, ${short(release)} the others${gone}`
    return { note, found }
  }
  const before = previous === undefined ? 'first release' : `was ${short(previous)}`
  const note = previous === release ? 'was live already' : `${short(release)} is live, ${before}`
  return { note: `${note}${gone}`, found }
}

function short(release: string): string {
  return release.slice(0, 12)
}
