#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/role.h"
#include "core/sha256.h"

namespace tenure::auth {

/// What is kept of a token. The secret itself is not: only its SHA-256. A secret holds 128 random
/// bits, which nobody can try out, so a slow hash would add nothing.
struct Token {
  std::string id;    ///< 8 hexadecimal digits, the beginning of the secret after "tnr_"; public
  std::string name;  ///< who it is, for the audit trail
  core::Sha256Digest digest{};
  core::Role role = core::Role::kViewer;
  std::vector<std::string> models;  ///< it may use; empty = all
  std::int64_t rate = 0;            ///< requests in a window of the rate limit; 0 = as configured
  core::Micros created = 0;
  std::string created_by;
  core::Micros expires = 0;    ///< 0 = never
  core::Micros last_used = 0;  ///< 0 = never; written now and then
  core::Micros revoked = 0;    ///< 0 = not
  std::string revoked_by;

  bool is_usable(core::Micros now) const { return revoked == 0 && (expires == 0 || now < expires); }
  bool operator==(const Token&) const = default;
};

/// A new secret, "tnr_" + id + "_" + 32 hexadecimal digits from the system's random source: 45
/// characters that scanners for leaked secrets can find by their beginning.
struct NewSecret {
  std::string id;
  std::string text;
};
NewSecret make_secret();

}  // namespace tenure::auth
