// The tightest of loops, with an unpredictable branch in it.
__attribute__((export_name("run"))) int run(int n) {
  int longest = 0;
  for (int start = 1; start < n; start++) {
    int steps = 0;
    for (unsigned long long x = start; x != 1; steps++) x = x & 1 ? 3 * x + 1 : x >> 1;
    if (steps > longest) longest = steps;
  }
  return longest;
}
