#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "auth/rate_limit.h"
#include "auth/token.h"

namespace tenure::auth {

/// What changes about a token while it is used; outlives the tables that name it.
struct TokenUse {
  RateBucket bucket;
  std::atomic<core::Micros> last_used{0};
};

/// The tokens that may be usable, to be found by the digest of their secret. Immutable: a change
/// makes a new table, which takes over the TokenUse of every token that stays. Thread-safe.
class TokenTable {
 public:
  struct Entry {
    Token token;
    std::shared_ptr<TokenUse> use;
  };
  /// Revoked tokens are left out. `before` may be null.
  TokenTable(const std::vector<Token>& tokens, const TokenTable* before);

  /// The token with that digest, expired or not; null when there is none. Constant-time in what is
  /// compared: a digest is not a secret, but this costs nothing. Takes no lock and no memory.
  const Entry* find(const core::Sha256Digest& digest) const;

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;            ///< in the order given
  std::vector<std::uint32_t> by_digest_;  ///< open addressing: index + 1; 0 = free
};

}  // namespace tenure::auth
