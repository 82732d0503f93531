<?php
header('Content-Type: application/octet-stream');
header('Content-Length: ' . (int) $_GET['n']);
$chunk = str_repeat('x', 65536);
for ($left = (int) $_GET['n']; $left > 0; $left -= 65536) {
    echo $left < 65536 ? substr($chunk, 0, $left) : $chunk;
}
