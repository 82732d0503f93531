from needs_native import _speed
