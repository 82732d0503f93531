<?php
session_start();
require __DIR__ . '/lib/text.php';
require __DIR__ . '/lib/row.php';
require __DIR__ . '/lib/rows.php';
require __DIR__ . '/lib/cell.php';
require __DIR__ . '/lib/page.php';
$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
echo page(title('stock'), rows(40));
