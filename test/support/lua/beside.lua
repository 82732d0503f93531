return { name = "found beside it" }
