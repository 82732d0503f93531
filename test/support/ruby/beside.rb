BESIDE = "found beside it"
