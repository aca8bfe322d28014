#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/result.h"

namespace tenure::core {

/// Ways to sign of RFC 7518 and RFC 8037.
enum class SignatureAlgorithm : std::uint8_t {
  kRs256,  ///< RSASSA-PKCS1-v1_5 with SHA-256
  kEs256,  ///< ECDSA on P-256 with SHA-256; a signature is r and s, 32 bytes each
  kEdDsa,  ///< Ed25519
};

/// A public key that signatures are checked with, and the one way it signs. Numbers are big-endian
/// bytes, as RFC 7518 has them. Immutable; thread-safe.
class PublicKey {
 public:
  /// Errors: kInvalidArgument for a modulus below 2048 or above 8192 bits, an even or large
  /// exponent.
  static Result<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  /// Errors: kInvalidArgument when it is no point of the curve.
  static Result<PublicKey> p256(std::string_view x, std::string_view y);
  /// Errors: kInvalidArgument when it has not 32 bytes.
  static Result<PublicKey> ed25519(std::string_view bytes);

  SignatureAlgorithm algorithm() const { return algorithm_; }

  /// Whether whoever has the private key signed `message`. Costs tens of microseconds.
  bool verifies(std::string_view message, std::string_view signature) const;

 private:
  struct State;
  PublicKey(SignatureAlgorithm algorithm, std::shared_ptr<const State> state)
      : algorithm_(algorithm), state_(std::move(state)) {}
  SignatureAlgorithm algorithm_;
  std::shared_ptr<const State> state_;
};

}  // namespace tenure::core
