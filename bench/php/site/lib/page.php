<?php

function page(string $title, array $rows): string
{
    $html = "<h1>$title</h1><table>";
    foreach ($rows as $row) {
        $html .= '<tr>' . cell((string) $row->id) . cell($row->name) . cell(number_format($row->total(3), 2)) . '</tr>';
    }
    return $html . '</table>';
}
