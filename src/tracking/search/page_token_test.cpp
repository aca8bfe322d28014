#include "tracking/search/page_token.h"

#include <rapidcheck.h>

#include <gtest/gtest.h>

namespace tenure::tracking {
namespace {

std::string error_of(std::string_view token) {
  const auto offset = read_page_token(token);
  return offset ? "" : offset.error().message;
}

TEST(PageToken, IsMlflowsByteForByte) {
  EXPECT_EQ(page_token(2), "eyJvZmZzZXQiOiAyfQ==");
  EXPECT_EQ(read_page_token("eyJvZmZzZXQiOiAyfQ==").value(), 2);
  EXPECT_EQ(read_page_token("").value(), 0);
}

TEST(PageToken, TakesTextOfDigitsAsMlflowDoes) {
  EXPECT_EQ(read_page_token(encode_token(R"({"offset": "12"})")).value(), 12);
}

TEST(PageToken, GarbageIsToldInMlflowsWords) {
  EXPECT_EQ(error_of("abc"), "Invalid page token, could not base64-decode");
  EXPECT_EQ(error_of("a==="), "Invalid page token, could not base64-decode");
  EXPECT_EQ(error_of("ab==cdef"), "Invalid page token, could not base64-decode");
  EXPECT_EQ(error_of("ab*d"), "Invalid page token, could not base64-decode");
  EXPECT_EQ(error_of("YWJj"), "Invalid page token, decoded value=b'abc'");
  EXPECT_EQ(error_of(encode_token("'\xff\\")), "Invalid page token, decoded value=b'\\'\\xff\\\\'");
  EXPECT_EQ(error_of("e30="), "Invalid page token, parsed value={}");
  EXPECT_EQ(error_of(encode_token("[1]")), "Invalid page token, parsed value=[1]");
  EXPECT_EQ(error_of(encode_token(R"({"offset": 0})")),
            R"(Invalid page token, parsed value={"offset":0})");
  EXPECT_EQ(error_of(encode_token(R"({"offset": -5})")),
            R"(Invalid page token, parsed value={"offset":-5})");
  EXPECT_EQ(error_of(encode_token(R"({"offset": "x"})")), "Invalid page token, not stringable x");
}

TEST(PageToken, AnyOffsetComesBack) {
  const bool holds = rc::check([] {
    const auto offset = *rc::gen::positive<std::int64_t>();
    RC_ASSERT(read_page_token(page_token(offset)).value() == offset);
  });
  EXPECT_TRUE(holds);
}

TEST(PageToken, AnyBytesAreReadOrRefused) {
  const bool holds = rc::check([](const std::string& bytes) {
    static_cast<void>(read_page_token(bytes));
    const auto encoded = encode_token(bytes);
    RC_ASSERT(encoded.size() % 4 == 0U);
    const auto decoded = decode_token(encoded);
    RC_ASSERT(decoded || decoded.error().message.starts_with("Invalid page token, decoded value="));
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace tenure::tracking
