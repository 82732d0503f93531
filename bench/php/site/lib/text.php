<?php

function title(string $text): string
{
    return htmlspecialchars(ucfirst($text));
}
