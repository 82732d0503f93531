<?php

function cell(string $text): string
{
    return '<td>' . htmlspecialchars($text) . '</td>';
}
