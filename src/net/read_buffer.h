#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace tenure::net {

/// One contiguous buffer a connection reads into. What is not consumed stays contiguous; the bytes
/// may move when room is made, so keep offsets, not views, across make_room().
class ReadBuffer {
 public:
  std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  std::size_t capacity() const { return capacity_; }

  /// At least `wanted` bytes of free room behind the unread ones.
  std::span<char> make_room(std::size_t wanted);
  void produced(std::size_t n) { end_ += n; }
  void consume(std::size_t n);

  /// Drops n bytes that lie `at` bytes behind the start of the unread ones.
  void erase(std::size_t at, std::size_t n);
  void clear() { begin_ = end_ = 0; }

  /// Gives memory back when more than `keep` bytes are held and no more than `keep` are unread.
  void shrink(std::size_t keep);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tenure::net
