#include <cstdio>

int main() {
  std::puts("tenure 0.1.0");
  return 0;
}
