/** Components that are broken in a byte or two, the same ones each time: outside of their core modules, which V8 looks at. */

/** Sections of the binary format. */
const [CUSTOM, CORE_MODULE] = [0, 1]
const PREAMBLE_BYTES = 8

/** `count` of them. */
export function* mutationsOf(component: Uint8Array, count: number): Generator<Uint8Array> {
  const places = placesIn(component)
  const random = numbers()
  const below = (end: number): number => Math.floor(random() * end)
  for (let index = 0; index < count; index += 1) {
    const mutated = component.slice()
    for (let left = 1 + below(2); left > 0; left -= 1) {
      const place = places[below(places.length)] ?? 0
      const byte = mutated[place] ?? 0
      mutated[place] = below(2) === 0 ? byte + (below(2) === 0 ? 1 : -1) : below(256)
    }
    yield mutated
  }
}

function placesIn(component: Uint8Array): readonly number[] {
  const places: number[] = []
  for (let at = PREAMBLE_BYTES; at < component.length; ) {
    const id = component[at]
    let [size, shift, byte] = [0, 0, 0x80]
    for (at += 1; byte >= 0x80; at += 1, shift += 7) {
      byte = component[at] ?? 0
      size |= (byte & 0x7f) << shift
    }
    if (id !== CUSTOM && id !== CORE_MODULE)
      places.push(...Array.from({ length: size }, (_, index) => at + index))
    at += size
  }
  return places
}

/** From 0 to 1, the same ones each time. */
function numbers(): () => number {
  let state = 7
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x8000_0000
  }
}
