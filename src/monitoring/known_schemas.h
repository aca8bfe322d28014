#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tenure::monitoring {

/// Schemas whose message is in the ring or was; a fixed table, so that append() only reads atomics.
/// A schema that finds no place is sent again with each event, which costs room but loses nothing.
class KnownSchemas {
 public:
  bool has(std::uint64_t hash) const noexcept {
    for (std::size_t i = 0; i < kProbes; ++i) {
      if (slots_[(hash + i) % kSlots].load(std::memory_order_acquire) == hash) return true;
    }
    return false;
  }
  void add(std::uint64_t hash) noexcept {
    for (std::size_t i = 0; i < kProbes; ++i) {
      std::uint64_t free = 0;
      auto& slot = slots_[(hash + i) % kSlots];
      if (slot.compare_exchange_strong(free, hash, std::memory_order_acq_rel) || free == hash) {
        return;
      }
    }
  }

 private:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kProbes = 16;
  std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
};

}  // namespace tenure::monitoring
