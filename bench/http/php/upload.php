<?php
header('Content-Type: text/plain');
$body = fopen('php://input', 'rb');
for ($count = 0; !feof($body); $count += strlen(fread($body, 65536)));
echo $count, "\n";
