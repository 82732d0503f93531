/** Does the same for many things, some of them at once. */

/** `most`: at once. After the first failure none is begun any more; rejects with it when all that were begun are over. */
export async function someAtOnce<Item>(
  items: Iterable<Item>,
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const failures: unknown[] = []
  const goOn = async (): Promise<void> => {
    for (;;) {
      const next = failures.length > 0 ? undefined : left.next()
      if (next === undefined || next.done === true) return
      await work(next.value).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: most }, goOn))
  if (failures.length > 0) throw failures[0]
}
