#include "net/read_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tenure::net {
namespace {

constexpr std::size_t kCapacityMin = 16 * 1024;

}  // namespace

std::span<char> ReadBuffer::make_room(std::size_t wanted) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (capacity_ - end_ < wanted) {
    if (capacity_ - size() >= wanted && begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, size());
    } else {
      const std::size_t capacity = std::max({kCapacityMin, capacity_ * 2, size() + wanted});
      auto grown = std::make_unique_for_overwrite<char[]>(capacity);
      if (size() > 0) std::memcpy(grown.get(), bytes_.get() + begin_, size());
      bytes_ = std::move(grown);
      capacity_ = capacity;
    }
    end_ -= begin_;
    begin_ = 0;
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void ReadBuffer::consume(std::size_t n) {
  begin_ += n;
  if (begin_ == end_) begin_ = end_ = 0;
}

void ReadBuffer::erase(std::size_t at, std::size_t n) {
  if (n == 0) return;
  char* const from = bytes_.get() + begin_ + at;
  std::memmove(from, from + n, size() - at - n);
  end_ -= n;
}

void ReadBuffer::shrink(std::size_t keep) {
  const std::size_t unread = size();
  if (capacity_ <= keep || unread > keep) return;
  std::unique_ptr<char[]> kept;
  if (unread > 0) {
    kept = std::make_unique_for_overwrite<char[]>(keep);
    std::memcpy(kept.get(), bytes_.get() + begin_, unread);
  }
  bytes_ = std::move(kept);
  capacity_ = unread > 0 ? keep : 0;
  begin_ = 0;
  end_ = unread;
}

}  // namespace tenure::net
