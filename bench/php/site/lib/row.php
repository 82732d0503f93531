<?php

class Row
{
    public function __construct(public int $id, public string $name, public float $price)
    {
    }

    public function total(int $count): float
    {
        return round($this->price * $count, 2);
    }
}
