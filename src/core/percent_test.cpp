#include "core/percent.h"

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

TEST(PercentDecoded, MakesBytesOfTwoDigitsEach) {
  EXPECT_EQ(percent_decoded("%2Fa%20b%2fc"), "/a b/c");
  EXPECT_EQ(percent_decoded("%C3%bc+"), "ü+");
  EXPECT_EQ(percent_decoded("a%00b"), std::string("a\0b", 3));
  EXPECT_EQ(percent_decoded(""), "");
}

TEST(PercentDecoded, DecodesOnce) {
  EXPECT_EQ(percent_decoded("%252e"), "%2e");
}

TEST(PercentDecoded, LeavesWhatIsNoEscape) {
  for (const char* text : {"%", "100%", "%2", "%g0", "%0g", "% 1", "%+1", "%-1", "%%"})
    EXPECT_EQ(percent_decoded(text), text);
  EXPECT_EQ(percent_decoded("%%41"), "%A");
  EXPECT_EQ(percent_decoded(std::string_view("%41", 2)), "%4") << "not beyond the text";
}

}  // namespace
}  // namespace tenure::core
