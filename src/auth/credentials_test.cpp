#include "auth/credentials.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::auth {
namespace {

std::string text_of(std::string_view authorization, std::string_view api_key = "") {
  const PresentedSecret secret({.authorization = authorization, .api_key = api_key, .remote = ""});
  return std::string(secret.text());
}
bool is_present(std::string_view authorization, std::string_view api_key = "") {
  return PresentedSecret({.authorization = authorization, .api_key = api_key, .remote = ""})
      .is_present();
}

TEST(PresentedSecret, IsReadFromBearerBasicAndApiKey) {
  EXPECT_EQ(text_of("Bearer tnr_a_b"), "tnr_a_b");
  EXPECT_EQ(text_of("bearer   tnr_a_b  "), "tnr_a_b");
  EXPECT_EQ(text_of("Basic dXNlcjp0bnJfYV9i"), "tnr_a_b");  // user:tnr_a_b
  EXPECT_EQ(text_of("BASIC OnRucl9hX2I="), "tnr_a_b");      // :tnr_a_b, no user
  EXPECT_EQ(text_of("Basic dTp0bnI6YTpi"), "tnr:a:b");      // only the first colon parts
  EXPECT_EQ(text_of("", "tnr_a_b"), "tnr_a_b");
}

TEST(PresentedSecret, OfAnAuthorizationWinsOverAKey) {
  EXPECT_EQ(text_of("Bearer one", "two"), "one");
  EXPECT_EQ(text_of("Digest one", "two"), "");
}

TEST(PresentedSecret, IsAbsentOrPresentAndUnreadable) {
  EXPECT_FALSE(is_present(""));
  EXPECT_FALSE(is_present("  ", " "));
  for (const char* text : {"Bearer", "Digest abc", "Basic", "Basic !!!!",
                           "Basic dXNlcg==", "Basic a", "Basic \xC3\xBC"}) {
    EXPECT_TRUE(is_present(text)) << text;
    EXPECT_EQ(text_of(text), "") << text;
  }
  EXPECT_EQ(text_of("Basic " + std::string(100'000, 'A')), "");
}

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += i + j <= bytes.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

RC_GTEST_PROP(PresentedSecret, TakesAnyPasswordOutOfBasic, (const std::string& password)) {
  RC_PRE(password.size() < 300);
  RC_ASSERT(text_of("Basic " + base64("user:" + password)) == password);
}

RC_GTEST_PROP(PresentedSecret, TakesAnyBytes, (const std::string& a, const std::string& b)) {
  text_of(a, b);
  text_of("Basic " + a);
}

}  // namespace
}  // namespace tenure::auth
