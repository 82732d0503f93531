// Strided stores over 1 MB.
static unsigned char composite[1 << 20];
__attribute__((export_name("run"))) int run(int rounds) {
  int primes = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 1 << 20; i++) composite[i] = 0;
    primes = 0;
    for (int i = 2; i < 1 << 20; i++) {
      if (composite[i]) continue;
      primes++;
      for (int k = i + i; k < 1 << 20; k += i) composite[k] = 1;
    }
  }
  return primes;
}
