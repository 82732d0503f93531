/** From a file's name to its media type: the types of the web, and nothing guessed from what is in the file. */

/** By extension, lower case. `text/*` is taken to be UTF-8; XML says its encoding itself, and JSON has only one. */
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    // documents and data
    html: 'text/html',
    htm: 'text/html',
    xhtml: 'application/xhtml+xml',
    txt: 'text/plain',
    text: 'text/plain',
    log: 'text/plain',
    md: 'text/markdown',
    csv: 'text/csv',
    tsv: 'text/tab-separated-values',
    ics: 'text/calendar',
    vcf: 'text/vcard',
    vtt: 'text/vtt',
    xml: 'application/xml',
    xsl: 'application/xslt+xml',
    rss: 'application/rss+xml',
    atom: 'application/atom+xml',
    json: 'application/json',
    map: 'application/json',
    jsonld: 'application/ld+json',
    geojson: 'application/geo+json',
    webmanifest: 'application/manifest+json',
    yaml: 'application/yaml',
    yml: 'application/yaml',
    toml: 'application/toml',
    pdf: 'application/pdf',
    rtf: 'application/rtf',
    epub: 'application/epub+zip',
    // programs
    css: 'text/css',
    js: 'text/javascript',
    mjs: 'text/javascript',
    wasm: 'application/wasm',
    // pictures
    svg: 'image/svg+xml',
    png: 'image/png',
    apng: 'image/apng',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    gif: 'image/gif',
    webp: 'image/webp',
    avif: 'image/avif',
    jxl: 'image/jxl',
    bmp: 'image/bmp',
    tif: 'image/tiff',
    tiff: 'image/tiff',
    ico: 'image/vnd.microsoft.icon',
    glb: 'model/gltf-binary',
    gltf: 'model/gltf+json',
    // sound and film
    mp3: 'audio/mpeg',
    m4a: 'audio/mp4',
    aac: 'audio/aac',
    oga: 'audio/ogg',
    ogg: 'audio/ogg',
    opus: 'audio/ogg',
    flac: 'audio/flac',
    wav: 'audio/wav',
    weba: 'audio/webm',
    mp4: 'video/mp4',
    m4v: 'video/mp4',
    webm: 'video/webm',
    ogv: 'video/ogg',
    mov: 'video/quicktime',
    m3u8: 'application/vnd.apple.mpegurl',
    mpd: 'application/dash+xml',
    // fonts
    woff: 'font/woff',
    woff2: 'font/woff2',
    ttf: 'font/ttf',
    otf: 'font/otf',
    // archives
    zip: 'application/zip',
    gz: 'application/gzip',
    tar: 'application/x-tar',
    zst: 'application/zstd',
    '7z': 'application/x-7z-compressed',
  }),
)

/** What a browser saves rather than shows. */
const UNKNOWN = 'application/octet-stream'

/** The value of Content-Type. `path`: with slashes, one char a byte or decoded. */
export function contentTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const type = TYPES.get(name.slice(name.lastIndexOf('.') + 1).toLowerCase())
  if (type === undefined || !name.includes('.')) return UNKNOWN
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}
