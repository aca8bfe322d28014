#pragma once

#include <cstdint>
#include <string>

namespace tenure::pipelines {

/// Which process, beyond its number: numbers are used again, and mean another process in another
/// container.
struct ProcessIdentity {
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;  ///< since boot, from /proc/<pid>/stat
  std::string host;              ///< boot id and pid namespace: where the number means something

  static ProcessIdentity current();
};

enum class Liveness {
  kAlive,
  kDead,
  kUnknown,  ///< on another machine, in another container, or before a reboot
};

/// Whether that process still runs. A zombie is dead.
Liveness liveness_of(const ProcessIdentity& process);

}  // namespace tenure::pipelines
