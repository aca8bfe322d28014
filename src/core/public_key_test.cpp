#include "core/public_key.h"

#include <string>

#include <gtest/gtest.h>

namespace tenure::core {
namespace {

std::string bytes_of_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

// RFC 8032, section 7.1, tests 1 and 2.
TEST(PublicKey, ChecksSignaturesOfEd25519) {
  const auto key = PublicKey::ed25519(
      bytes_of_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->algorithm(), SignatureAlgorithm::kEdDsa);
  const std::string signature = bytes_of_hex(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      "b4"
      "6bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(key->verifies("", signature));
  EXPECT_FALSE(key->verifies("x", signature));
  EXPECT_FALSE(key->verifies("", signature.substr(1)));
  EXPECT_FALSE(key->verifies("", ""));
  EXPECT_FALSE(PublicKey::ed25519("short").has_value());
}

// RFC 6979, appendix A.2.5: SHA-256, message "sample" and "test".
TEST(PublicKey, ChecksSignaturesOfP256) {
  const std::string x =
      bytes_of_hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6");
  const std::string y =
      bytes_of_hex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
  const auto key = PublicKey::p256(x, y);
  ASSERT_TRUE(key.has_value());
  const std::string signature =
      bytes_of_hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716") +
      bytes_of_hex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
  EXPECT_TRUE(key->verifies("sample", signature));
  EXPECT_FALSE(key->verifies("test", signature));
  EXPECT_FALSE(key->verifies("sample", signature + "x"));
  EXPECT_FALSE(key->verifies("sample", std::string(64, '\0')));
  EXPECT_FALSE(PublicKey::p256(x, x).has_value()) << "no point of the curve";
  EXPECT_FALSE(PublicKey::p256("", "").has_value());
}

TEST(PublicKey, TakesNoRsaKeyThatIsTooSmallOrOdd) {
  EXPECT_FALSE(PublicKey::rsa(std::string(128, '\x81'), "\x03").has_value());
  EXPECT_FALSE(PublicKey::rsa(std::string(2000, '\x81'), "\x03").has_value());
  EXPECT_FALSE(PublicKey::rsa(std::string(256, '\x81'), "\x02").has_value());
  EXPECT_FALSE(PublicKey::rsa(std::string(256, '\x81'), "").has_value());
  const auto key = PublicKey::rsa(std::string(256, '\x81'), "\x03");
  ASSERT_TRUE(key.has_value());
  EXPECT_FALSE(key->verifies("message", std::string(256, 'x')));
}

}  // namespace
}  // namespace tenure::core
