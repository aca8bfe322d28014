// libFuzzer target: any bytes as a JWT are refused or, unchanged seeds, accepted; any bytes as a
// JWKS give keys or an error. Seeds: corpus/jwt.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "auth/jwt.h"
#include "auth/testing/jwt_examples.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::auth;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  JwtOptions options;
  options.issuer = "https://id.example";
  options.audience = "tenure";
  static const auto verifier =
      *JwtVerifier::make(fmt::format(R"({{"keys":[{},{},{}]}})", tenure::auth::testing::kRsaKey,
                                     tenure::auth::testing::kEcKey, tenure::auth::testing::kEdKey),
                         options);
  const auto token = verifier->verify(bytes, 1'800'000'000'000'000);
  if (token && token->name != "jwt:alice") __builtin_trap();
  static_cast<void>(JwtVerifier::make(bytes, options).has_value());
  return 0;
}
