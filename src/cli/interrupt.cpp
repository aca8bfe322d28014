#include "cli/interrupt.h"

#include <csignal>

namespace tenure::cli {
namespace {

// A signal handler has nowhere else to write to.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<bool> is_interrupted{false};

extern "C" void on_interrupt(int signal) {
  is_interrupted.store(true);
  std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& catch_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  return is_interrupted;
}

}  // namespace tenure::cli
