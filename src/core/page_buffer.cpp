#include "core/page_buffer.h"

#include <new>

namespace tenure::core {

PageBuffer::PageBuffer(std::size_t size)
    : bytes_(static_cast<char*>(std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage))) {
  if (!bytes_) throw std::bad_alloc();
}

}  // namespace tenure::core
