#include "core/page_buffer.h"

#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(PageBuffer, BeginsOnAPageWhateverItsSize) {
  for (const std::size_t size : {std::size_t{1}, PageBuffer::kPage - 1, PageBuffer::kPage,
                                 PageBuffer::kPage + 1, std::size_t{1'000'000}}) {
    const PageBuffer buffer(size);
    ASSERT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % PageBuffer::kPage, 0U) << size;
    std::memset(buffer.data(), 'x', size);
    EXPECT_EQ(buffer.data()[size - 1], 'x');
  }
}

TEST(PageBuffer, HasNoBytesBeforeItIsGivenSomeAndAfterTheyAreGivenAway) {
  PageBuffer buffer;
  EXPECT_EQ(buffer.data(), nullptr);
  buffer = PageBuffer(10);
  char* const bytes = buffer.data();
  ASSERT_NE(bytes, nullptr);
  const PageBuffer taken = std::move(buffer);
  EXPECT_EQ(taken.data(), bytes);
  EXPECT_EQ(buffer.data(), nullptr);  // NOLINT(bugprone-use-after-move): that is what is asked
}

TEST(PageBuffer, SaysWhenThereIsNoMemory) {
  EXPECT_THROW(PageBuffer(std::size_t{1} << 60), std::bad_alloc);
}

}  // namespace
}  // namespace tenure::core
