/** Does the same for many things, some of them at once. */

/** `most`: at once. After the first failure none is begun any more; rejects with it when all that were begun are over. */
export async function someAtOnce<Item>(
  items: Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const failures: unknown[] = []
  const goOn = async (first: Item): Promise<void> => {
    let next: IteratorResult<Item> = { value: first }
    while (next.done !== true) {
      await work(next.value).catch((error: unknown) => failures.push(error))
      if (failures.length > 0) return
      next = left.next()
    }
  }
  const begun: Array<Promise<void>> = []
  while (begun.length < most) {
    const next = left.next()
    if (next.done === true) break
    begun.push(goOn(next.value))
  }
  await Promise.all(begun)
  if (failures.length > 0) throw failures[0]
}
