#include "core/assert.h"

#include <cstdio>
#include <cstdlib>

namespace tenure::core {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tenure: internal error at %s:%d: %s does not hold\n", file, line,
               condition);
  std::abort();
}

}  // namespace tenure::core
