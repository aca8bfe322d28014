#include "core/niceness.h"

#include <unistd.h>

#include <sys/resource.h>

namespace tenure::core {

void be_nice(int niceness) {
  // Linux keeps a niceness for each thread.
  if (niceness != 0) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

}  // namespace tenure::core
