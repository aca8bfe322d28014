#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

namespace tenure::monitoring {

/// How a message of `size` bytes, its header and padding included, stands to a ring of `capacity`.
/// Positions only grow, so a head before the tail is one that was read long ago.
enum class RingFit { kFits, kIsFull, kHeadIsStale };
constexpr RingFit ring_fit(std::uint64_t head, std::uint64_t tail, std::uint64_t size,
                           std::uint64_t capacity) {
  if (static_cast<std::int64_t>(head - tail) < 0) return RingFit::kHeadIsStale;
  return head + size - tail > capacity ? RingFit::kIsFull : RingFit::kFits;
}

/// A bounded queue of byte messages from many threads to one, without locks: writers reserve room
/// with one compare-and-swap, fill it, and commit; the reader takes messages in the order of their
/// reservation. A full ring refuses at once. Memory is one block, made at construction and touched
/// only as far as it is used.
class EventRing {
 public:
  /// `capacity` is rounded up to a power of two, at least 4 KiB.
  explicit EventRing(std::size_t capacity);
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  /// Room for a message of `size` bytes, or nullptr when the ring is full or the message is larger
  /// than a quarter of it. Any thread; what is reserved must be committed.
  char* reserve(std::size_t size) noexcept;
  void commit(char* message, std::size_t size) noexcept;
  /// Whether there is room for that size when the ring is empty.
  bool can_ever_fit(std::size_t size) const noexcept;

  /// The next message after the last one given, if it is committed. Reader thread only, as the two
  /// below; the bytes stay until release().
  std::optional<std::string_view> next() noexcept;
  void release() noexcept;  ///< frees the messages given so far
  void rewind() noexcept;   ///< gives them again, from the first not yet freed

  /// Bytes ever reserved and ever freed: positions that only grow. Any thread.
  std::uint64_t reserved() const { return head_.load(std::memory_order_acquire); }
  std::uint64_t freed() const { return tail_.load(std::memory_order_acquire); }
  std::size_t capacity() const { return mask_ + 1; }

 private:
  struct Free {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the owner
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::atomic_ref<std::uint64_t> header(std::uint64_t position) const;

  std::size_t mask_;
  std::unique_ptr<char, Free> bytes_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t cursor_ = 0;  ///< the reader's, from tail_ to head_
};

}  // namespace tenure::monitoring
