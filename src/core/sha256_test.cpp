#include "core/sha256.h"

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

// FIPS 180-4, examples of one block, no bytes, and two blocks.
constexpr std::pair<std::string_view, std::string_view> kVectors[] = {
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

TEST(Sha256, GivesThePublishedDigestsInBothForms) {
  for (int round = 0; round < 2; ++round) {  // the second uses what the first left behind
    for (const auto& [text, hex] : kVectors) {
      EXPECT_EQ(sha256_hex(text), hex);
      EXPECT_EQ(to_hex(sha256(text)), hex);
      EXPECT_EQ(digest_of_hex(hex), sha256(text));
    }
  }
}

TEST(Sha256, ReadsOnlySixtyFourLowerCaseDigits) {
  const std::string hex = sha256_hex("abc");
  EXPECT_FALSE(digest_of_hex(hex.substr(1)));
  EXPECT_FALSE(digest_of_hex(hex + "0"));
  EXPECT_FALSE(digest_of_hex("G" + hex.substr(1)));
  EXPECT_FALSE(digest_of_hex("B" + hex.substr(1)));
}

TEST(Sha256, ComparesEveryByte) {
  const Sha256Digest digest = sha256("abc");
  EXPECT_TRUE(are_equal_in_constant_time(digest, sha256("abc")));
  for (std::size_t i = 0; i < digest.size(); ++i) {
    Sha256Digest other = digest;
    other[i] ^= 1U;
    EXPECT_FALSE(are_equal_in_constant_time(digest, other)) << i;
  }
}

}  // namespace
}  // namespace tenure::core
