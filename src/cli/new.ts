/** `wasm-fpm new`: starts a handler from a template. */
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { printTable } from './table.ts'
import { copyTemplate, findTemplate, listTemplates, type Template } from './template/templates.ts'

interface NewOptions {
  readonly list?: boolean
  readonly json?: boolean
}

export function newCommand(): Command {
  return new Command('new')
    .description('start a handler from a template')
    .argument('[template]', 'the template: its language')
    .argument('[dir]', "the folder to make; its name is the handler's")
    .option('--list', 'list the templates')
    .addOption(jsonOption())
    .action(start)
}

function start(
  name: string | undefined,
  folder: string | undefined,
  { list, json }: NewOptions,
): void {
  const templates = listTemplates()
  if (list === true) {
    printList(templates, json === true)
    return
  }
  if (name === undefined || folder === undefined) {
    const known = templates.map((template) => template.name).join(', ')
    throw new CliError(
      'CLI_USAGE',
      `Cannot start a handler: wanted a template (${known}) and a folder`,
    )
  }
  const target = resolve(folder)
  const files = copyTemplate(findTemplate(name, templates), basename(target), target)
  if (json === true) printJson({ template: name, folder: target, files })
  else
    process.stdout.write(
      `${files.map((file) => `${folder}/${file}\n`).join('')}${nextSteps(folder, files)}`,
    )
}

function printList(templates: readonly Template[], asJson: boolean): void {
  const shown = templates.map(({ name, description }) => ({ name, description }))
  if (asJson) printJson(shown)
  else {
    const rows = shown.map(({ name, description }) => [name, description])
    process.stdout.write(printTable(['TEMPLATE', 'WHAT IT IS'], rows))
  }
}

function nextSteps(folder: string, files: readonly string[]): string {
  const install = files.includes('package.json') ? `  (cd ${folder} && npm install)\n` : ''
  return `next:\n${install}  wasm-fpm dev ${folder}\n`
}
