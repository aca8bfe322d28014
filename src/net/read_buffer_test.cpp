#include "net/read_buffer.h"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

void append(ReadBuffer& buffer, std::string_view text) {
  std::memcpy(buffer.make_room(text.size()).data(), text.data(), text.size());
  buffer.produced(text.size());
}

TEST(ReadBuffer, KeepsWhatIsUnreadWhenItShrinks) {
  ReadBuffer buffer;
  append(buffer, std::string(1'000'000, 'x') + "tail");
  EXPECT_GE(buffer.capacity(), 1'000'004U);
  buffer.shrink(1000);
  EXPECT_EQ(buffer.size(), 1'000'004U) << "more than is to be kept";
  buffer.consume(1'000'000);
  buffer.shrink(1000);
  EXPECT_EQ(buffer.unread(), "tail");
  EXPECT_EQ(buffer.capacity(), 1000U);
  append(buffer, " and more");
  EXPECT_EQ(buffer.unread(), "tail and more");
}

TEST(ReadBuffer, GivesEverythingBackWhenItIsEmpty) {
  ReadBuffer buffer;
  append(buffer, std::string(100'000, 'x'));
  buffer.clear();
  buffer.shrink(100'000'000);
  EXPECT_GE(buffer.capacity(), 100'000U);
  buffer.shrink(1000);
  EXPECT_EQ(buffer.capacity(), 0U);
  append(buffer, "again");
  EXPECT_EQ(buffer.unread(), "again");
}

}  // namespace
}  // namespace tenure::net
