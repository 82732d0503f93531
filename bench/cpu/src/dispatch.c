// Virtual calls: a tree of operations evaluated through function pointers.
typedef struct Node Node;
struct Node {
  int (*evaluate)(const Node *);
  const Node *left, *right;
  int number;
};
static Node nodes[1024];
static int constant(const Node *n) { return n->number; }
static int sum(const Node *n) { return n->left->evaluate(n->left) + n->right->evaluate(n->right); }
static int product(const Node *n) { return n->left->evaluate(n->left) * n->right->evaluate(n->right); }
static int choose(const Node *n) { return (n->left->evaluate(n->left) & 1 ? n->left : n->right)->evaluate(n->right); }
static int (*const kinds[])(const Node *) = {sum, product, choose};
__attribute__((export_name("run"))) int run(int rounds) {
  int total = 0;
  for (int i = 0; i < 1024; i++)
    nodes[i] = i >= 511 ? (Node){constant, 0, 0, i} : (Node){kinds[i % 3], nodes + 2 * i + 1, nodes + 2 * i + 2, i};
  for (int round = 0; round < rounds; round++) total += nodes[0].evaluate(nodes);
  return total;
}
