#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace tenure::core {

/// Bytes that begin on a page of memory, so that a file may take them as they are, past the page
/// cache. Not initialised.
class PageBuffer {
 public:
  static constexpr std::size_t kPage = 4096;

  PageBuffer() = default;  ///< no bytes
  /// At least one byte; rounded up to whole pages. Throws std::bad_alloc.
  explicit PageBuffer(std::size_t size);

  char* data() const { return bytes_.get(); }  ///< nullptr when there are none

 private:
  struct Free {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the owner
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
};

}  // namespace tenure::core
