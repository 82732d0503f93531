/** The recipes that come with the program, and what makes a build another one. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  digestRecipe,
  findRecipe,
  listRecipes,
  partsFolder,
} from '../../../../src/cli/runtime/recipe.ts'

test.for(listRecipes())('$name says what it takes, and has a Makefile', (recipe) => {
  expect(recipe.description).not.toBe('')
  expect(recipe.packages).toContain('make')
  expect([...recipe.sources, ...recipe.npm]).not.toEqual([])
  expect(existsSync(join(recipe.folder, 'Makefile'))).toBe(true)
})

test('one that there is none for: the known ones are said', () => {
  expect(() => findRecipe('cobol', listRecipes())).toThrowError(
    expect.objectContaining({
      code: 'RUNTIME_UNKNOWN',
      message:
        'Cannot build runtime "cobol": there is no recipe for it, wanted one of lua, perl, php, python, ruby',
    }),
  )
})

test('other files, compilers or sources are another build; another place is not', () => {
  const php = findRecipe('php', listRecipes())
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(php.folder, folder, { recursive: true })
  const copy = { ...php, folder }
  const before = digestRecipe(php, ['clang-19 1', 'php8.2 1'])
  expect(digestRecipe(copy, ['clang-19 1', 'php8.2 1'])).toBe(before)
  expect(digestRecipe(copy, ['clang-19 1', 'php8.2 2'])).not.toBe(before)
  appendFileSync(join(folder, 'sapi/engine.c'), '\n')
  expect(digestRecipe(copy, ['clang-19 1', 'php8.2 1'])).not.toBe(before)
})

test('a part that recipes share makes those another build that are made with it, and no others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const digests = (): readonly string[] =>
    listRecipes(folder).map((recipe) => digestRecipe(recipe, []))
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const recipe = { description: 'x', packages: [], sources: [] }
  write('a/recipe.json', JSON.stringify({ ...recipe, parts: ['one.mk', 'two'] }))
  write('b/recipe.json', JSON.stringify(recipe))
  write('parts/one.mk', '1')
  write('parts/two/deep/file.c', '2')
  const [a, b] = digests()
  for (const part of ['parts/one.mk', 'parts/two/deep/file.c']) {
    write(part, 'changed')
    const [changed, same] = digests()
    expect([changed === a, same === b], part).toEqual([false, true])
    write(part, part.endsWith('mk') ? '1' : '2')
  }
  expect(digests()).toEqual([a, b])
})

test.for(listRecipes())('the parts of $name are there', (recipe) => {
  for (const part of recipe.parts)
    expect(existsSync(join(partsFolder(recipe), part)), part).toBe(true)
})
