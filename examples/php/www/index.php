<?php
session_start();
$visits = $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
?>
<!doctype html>
<title>PHP</title>
<p>PHP <?= PHP_VERSION ?> says hello: visit <?= $visits ?>.</p>
