#include "monitoring/event_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/assert.h"

namespace tenure::monitoring {
namespace {

// Every message is led by a word: 0 while it is being written, then its size and one of these.
// Freed room is zeroed, so the reader never takes old bytes for a header.
constexpr std::uint64_t kMessage = 1;
constexpr std::uint64_t kPadding = 2;
constexpr std::uint64_t kHeaderSize = sizeof(std::uint64_t);

constexpr std::uint64_t room_of(std::uint64_t size) {
  return kHeaderSize + (size + kHeaderSize - 1) / kHeaderSize * kHeaderSize;
}

}  // namespace

EventRing::EventRing(std::size_t capacity)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 4096)) - 1),
      bytes_(static_cast<char*>(std::calloc(mask_ + 1, 1))) {
  TENURE_ASSERT(bytes_ != nullptr);
}

std::atomic_ref<std::uint64_t> EventRing::header(std::uint64_t position) const {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(bytes_.get() + (position & mask_)));
}

bool EventRing::can_ever_fit(std::size_t size) const noexcept {
  return room_of(size) <= capacity() / 4;
}

char* EventRing::reserve(std::size_t size) noexcept {
  const std::uint64_t room = room_of(size);
  if (!can_ever_fit(size)) return nullptr;
  std::uint64_t head = head_.load(std::memory_order_relaxed);
  std::uint64_t padding = 0;
  for (;;) {
    const std::uint64_t to_end = capacity() - (head & mask_);
    padding = room > to_end ? to_end : 0;
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);
    const RingFit fit = ring_fit(head, tail, padding + room, capacity());
    if (fit == RingFit::kIsFull) return nullptr;
    if (fit == RingFit::kHeadIsStale) {
      // This thread slept since it read `head`: others reserved, and the reader freed, beyond it.
      head = head_.load(std::memory_order_relaxed);
      continue;
    }
    if (head_.compare_exchange_weak(head, head + padding + room, std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
      break;
    }
  }
  if (padding != 0) {
    header(head).store(padding << 2 | kPadding, std::memory_order_release);
    head += padding;
  }
  return bytes_.get() + (head & mask_) + kHeaderSize;
}

void EventRing::commit(char* message, std::size_t size) noexcept {
  const auto position = static_cast<std::uint64_t>(message - bytes_.get()) - kHeaderSize;
  header(position).store(static_cast<std::uint64_t>(size) << 2 | kMessage,
                         std::memory_order_release);
}

std::optional<std::string_view> EventRing::next() noexcept {
  while (cursor_ - tail_.load(std::memory_order_relaxed) < capacity()) {
    const std::uint64_t word = header(cursor_).load(std::memory_order_acquire);
    if (word == 0) return std::nullopt;
    const std::uint64_t size = word >> 2;
    if ((word & 3) == kPadding) {
      cursor_ += size;
      continue;
    }
    const char* const message = bytes_.get() + (cursor_ & mask_) + kHeaderSize;
    cursor_ += room_of(size);
    return std::string_view(message, size);
  }
  return std::nullopt;  // every byte of the ring has been given and none is freed
}

void EventRing::release() noexcept {
  const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  const std::uint64_t freed = cursor_ - tail;
  const std::uint64_t to_end = std::min(freed, capacity() - (tail & mask_));
  std::memset(bytes_.get() + (tail & mask_), 0, to_end);
  std::memset(bytes_.get(), 0, freed - to_end);
  tail_.store(cursor_, std::memory_order_release);
}

void EventRing::rewind() noexcept {
  cursor_ = tail_.load(std::memory_order_relaxed);
}

}  // namespace tenure::monitoring
