<?php

function rows(int $count): array
{
    $rows = [];
    for ($id = 0; $id < $count; $id++) {
        $rows[] = new Row($id, "row $id", $id * 1.25);
    }
    return $rows;
}
