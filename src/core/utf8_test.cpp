#include "core/utf8.h"

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(Utf8, AcceptsOnlyWellFormedText) {
  for (const char* good : {"", "plain", "Größe", "€", "🌍", "12345678ü", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"caf\xe9", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xff", "\xc3", "ab\xe2\x82", "12345678\xe9"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
  EXPECT_EQ(valid_utf8_prefix("caf\xe9!"), 3u);
}

TEST(Utf8, MeasuresOneCharacter) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xc3\xbc!"), 2u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x8c\x8d"), 4u);
  EXPECT_EQ(utf8_length("\xe2\x82"), 0u) << "cut off";
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0u) << "a surrogate";
}

}  // namespace
}  // namespace tenure::core
