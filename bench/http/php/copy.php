<?php
header('Content-Type: application/octet-stream');
$body = fopen('php://input', 'rb');
while (!feof($body)) {
    echo fread($body, 65536);
}
