#pragma once

#include <atomic>

namespace tenure::cli {

/// Turns the first SIGINT or SIGTERM of the process into a flag that long work looks at, statements
/// of the SQL engine among it (Project::cancel_with); the second one ends the program as usual.
/// Only for commands whose work looks at it: others would not end at the first. The flag lives as
/// long as the process.
const std::atomic<bool>& catch_interrupts();

}  // namespace tenure::cli
