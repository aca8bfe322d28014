#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/token.h"
#include "core/clock.h"
#include "core/public_key.h"
#include "core/result.h"

namespace tenure::auth {

struct JwtOptions {
  std::string issuer;                   ///< claim `iss` must be this
  std::string audience;                 ///< claim `aud` must be or hold this
  std::string role_claim = "role";      ///< a role's name, or a list that holds some
  std::string models_claim = "models";  ///< a list of names; absent = all
  core::Micros leeway = 30'000'000;     ///< by which clocks may differ, at most 60 s
};

/// Whether `text` has the three parts of a JWT. A token of ours has no dot.
bool looks_like_jwt(std::string_view text);

/// Checks JSON Web Tokens (RFC 7519) that another program issued. The keys are those of a JWKS
/// (RFC 7517); each signs in the one way of its kind, RS256, ES256 or EdDSA, whatever the token
/// says: "none" and HS256 do not exist here. Immutable; thread-safe.
class JwtVerifier {
 public:
  /// Reads `{"keys": [...]}`; keys of other kinds or for encryption are passed over. Errors:
  /// kInvalidArgument for what is no JWKS, holds no usable key, or a damaged one; an empty issuer
  /// or audience; a leeway beyond 60 s.
  static core::Result<std::shared_ptr<const JwtVerifier>> make(std::string_view jwks,
                                                               JwtOptions options);

  /// What the JWT says, as a token named "jwt:" and claim `sub` that expires with it. Without a
  /// known role its role is kAnyone. Errors: kUnauthenticated; the message holds nothing of the
  /// JWT.
  core::Result<Token> verify(std::string_view jwt, core::Micros now) const;

  /// Whether a JWT has named a key that is not among these since the last call.
  bool take_unknown_key() const { return has_unknown_key_.exchange(false); }

 private:
  struct Key {
    std::string id;
    core::PublicKey key;
  };
  JwtVerifier(JwtOptions options, std::vector<Key> keys)
      : options_(std::move(options)), keys_(std::move(keys)) {}
  bool is_signed(std::string_view head, std::string_view signed_part,
                 std::string_view signature) const;
  JwtOptions options_;
  std::vector<Key> keys_;
  mutable std::atomic<bool> has_unknown_key_{false};
};

}  // namespace tenure::auth
