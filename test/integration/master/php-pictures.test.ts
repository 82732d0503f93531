/** Pictures in PHP (gd): made, read, changed and written in every format there is. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

/** What a script prints. */
const PICTURES: ReadonlyArray<{ readonly name: string; readonly code: string; prints: string }> = [
  ...['png', 'jpeg', 'webp', 'gif', 'bmp', 'wbmp', 'xbm', 'gd', 'gd2'].map((format) => ({
    name: `${format}, there and back`,
    // Black and white, which every format has.
    code: `$p = imagecreatetruecolor(16, 8); imagefilledrectangle($p, 0, 0, 7, 7, 0xffffff);
      $file = '/tmp/a'; image${format}($p, ...(${JSON.stringify(format)} === 'xbm' ? [$file, 0] : [$file])); $q = imagecreatefrom${format}($file);
      foreach ([[2, 4], [13, 4]] as [$x, $y]) { $c = imagecolorsforindex($q, imagecolorat($q, $x, $y)); echo $c['red'] > 200 ? 'white ' : ($c['red'] < 50 ? 'black ' : $c['red']); }
      echo imagesx($q), 'x', imagesy($q);`,
    prints: 'white black 16x8',
  })),
  {
    name: 'a smaller one, as applications make them of what is uploaded',
    code: `$p = imagecreatetruecolor(400, 300); for ($x = 0; $x < 400; $x++) imageline($p, $x, 0, $x, 299, imagecolorallocate($p, $x % 256, 0, 128));
      imagejpeg($p, '/tmp/a.jpg', 90); $info = getimagesize('/tmp/a.jpg'); echo $info['mime'], $info[0], 'x', $info[1], ' ';
      $q = imagecreatetruecolor(40, 30); imagecopyresampled($q, imagecreatefromstring(file_get_contents('/tmp/a.jpg')), 0, 0, 0, 0, 40, 30, 400, 300);
      $blue = imagecolorat($q, 10, 10) & 255; echo abs($blue - 128) < 8 ? 'blue' : $blue, imagesx(imagerotate($q, 90, 0)), imagesx(imagescale($q, 20)), imageistruecolor($q) ? 'true' : '';`,
    prints: 'image/jpeg400x300 blue3020true',
  },
  {
    name: 'transparency',
    code: `$p = imagecreatetruecolor(4, 4); imagesavealpha($p, true); imagealphablending($p, false); imagefill($p, 0, 0, imagecolorallocatealpha($p, 255, 0, 0, 64)); imagepng($p, '/tmp/a.png'); $q = imagecreatefrompng('/tmp/a.png'); echo json_encode(imagecolorsforindex($q, imagecolorat($q, 1, 1)));`,
    prints: '{"red":255,"green":0,"blue":0,"alpha":64}',
  },
  {
    name: 'letters, filters',
    code: `$p = imagecreatetruecolor(60, 20); imagestring($p, 5, 2, 2, 'Abc', 0xffffff); imagefilter($p, IMG_FILTER_NEGATE); $n = 0; for ($x = 0; $x < 60; $x++) for ($y = 0; $y < 20; $y++) $n += (imagecolorat($p, $x, $y) & 0xffffff) === 0; echo $n > 50 && $n < 200 ? 'letters' : $n, function_exists('imagettftext'), imagetypes() & IMG_WEBP ? 'webp' : '';`,
    prints: 'letters1webp',
  },
  {
    name: 'what is no picture, and one that would be too large',
    code: `var_dump(@imagecreatefromstring('no picture'), @imagecreatefrompng(__FILE__)); try { var_dump(@imagecreatetruecolor(100000, 100000)); } catch (ValueError $e) { echo 'too large'; }`,
    prints: 'bool(false)\nbool(false)\nbool(false)\n',
  },
]

test.skipIf(!havePhpRuntime())('pictures', async () => {
  const folder = makeFolder()
  for (const [index, { code }] of PICTURES.entries())
    writeFileSync(join(folder, `p${index}.php`), `<?php ini_set('display_errors', 1); ${code}`)
  const serving = await serve({
    folder,
    config: configText(folder, {
      top: `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`,
      pool: 'workers = 1',
      tenant: 'runtimes = ["php"]',
    }),
  })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  for (const [index, { name, prints }] of PICTURES.entries()) {
    const answer = await client.get(`p${index}.php`)
    expect({ name, ...answer }, serving.log()).toEqual({ name, status: 200, body: prints })
  }
})
