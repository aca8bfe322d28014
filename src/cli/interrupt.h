#pragma once

#include <atomic>

namespace tenure::cli {

/// Turns the first SIGINT or SIGTERM of the process into a flag that long work looks at; the second
/// one ends the program as usual. The flag lives as long as the process.
const std::atomic<bool>& catch_interrupts();

}  // namespace tenure::cli
