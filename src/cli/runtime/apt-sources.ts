/** The machine's own package sources, asked for sources instead of programs: nothing else is trusted, and nothing of apt's is changed. */

/** `deb` in one-line files (`sources.list`) becomes `deb-src`. */
export function sourceLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => /^\s*deb\s/.test(line))
    .map((line) => line.replace(/^\s*deb\s/, 'deb-src '))
    .join('\n')
}

/** `Types: deb` in files of paragraphs (`*.sources`) becomes `Types: deb-src`. */
export function sourceParagraphs(text: string): string {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .map((paragraph) => paragraph.replaceAll(/^#.*\n?/gm, '').trim())
    .filter((paragraph) => /^Types:.*\bdeb(?!-src)\b/m.test(paragraph))
    .filter((paragraph) => !/^Enabled:\s*(?:no|false|0|off)\b/im.test(paragraph))
    .map((paragraph) => paragraph.replace(/^Types:.*/m, 'Types: deb-src'))
    .join('\n\n')
}
