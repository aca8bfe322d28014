#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace tenure::net {

/// How much memory the transfers of large bodies may take together. Who finds none waits for its
/// turn, first come first served, and is not refused: a transfer takes its time anyway.
/// Thread-safe.
class TransferBudget {
 public:
  /// What one transfer takes: one piece from a socket, or two from a source.
  static constexpr std::uint64_t kEach = std::uint64_t{1} << 20;

  /// At least one transfer always goes on.
  explicit TransferBudget(std::uint64_t bytes_max)
      : free_(bytes_max / kEach > 0 ? bytes_max / kEach : 1) {}

  /// Takes the room of one transfer. False when there is none now: `resume` is called once it has
  /// been taken, by the thread that gave it back, and must not block.
  bool take(std::function<void()> resume);
  void give_back();

  /// The server ends: who waits is forgotten.
  void stop();

 private:
  std::mutex mutex_;
  std::uint64_t free_;  ///< transfers that may still begin
  std::deque<std::function<void()>> waiting_;
};

}  // namespace tenure::net
