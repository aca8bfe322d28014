#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credentials.h"
#include "auth/jwt.h"
#include "auth/rate_limit.h"
#include "auth/token_table.h"
#include "core/clock.h"
#include "core/metric.h"
#include "core/role.h"

namespace tenure::auth {

struct GuardOptions {
  bool is_enabled = false;    ///< tokens are asked for; else everybody may do everything
  RatePolicy per_token = {};  ///< of tokens that have no rate of their own
  RatePolicy anonymous = {};  ///< of each address without a valid token
};

/// What is asked about one request.
struct AccessRequest {
  Credentials credentials;
  core::Role needed = core::Role::kAnyone;
  std::string_view model;  ///< that the request is about; "" = none in particular
  /// Asked ahead, before the request is read whole, and to be asked again: what passes is not yet
  /// counted and takes nothing from a rate. Who is over its rate is refused already.
  bool is_ahead = false;
  /// Asked again after a whole check that let it pass: it is of no rate any more, and not counted.
  bool is_again = false;
};

/// May this request pass?
struct Verdict {
  enum class Outcome : std::uint8_t {
    kAllowed,
    kNoToken,       ///< 401
    kInvalidToken,  ///< 401: unknown, malformed, revoked or expired; which of them is not told
    kRoleTooLow,    ///< 403
    kOtherModel,    ///< 403
    kTooMany,       ///< 429
  };
  Outcome outcome = Outcome::kAllowed;
  std::string_view principal;     ///< the token's name; valid until the thread's next check
  std::string_view principal_id;  ///< tells it from later ones of that name; valid as long
  core::Role role = core::Role::kAnyone;
  RateState rate;             ///< limit 0 = none applied
  bool is_anonymous = false;  ///< `rate` is that of the address

  bool is_allowed() const { return outcome == Outcome::kAllowed; }
};

/// Decides who may do what, and how often. check() may be called from any thread: it takes no lock
/// and no memory while the tokens do not change, and for a JWT that its thread has seen before.
/// A JWT that was refused is remembered for a while, and one address may have a hundred of them
/// checked in a second: what comes beyond that is refused unchecked.
/// What needs no role is neither refused nor limited: probes come often and without a token.
class Guard {
 public:
  Guard(GuardOptions options, const core::Clock& clock, core::MetricRegistry& metrics);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Verdict check(const AccessRequest& request);

  /// Whether the credentials are of a token that may do this; counts and limits nothing. Everybody
  /// when no tokens are asked for.
  bool is_known(const AccessRequest& request);

  /// Replaces the tokens; requests under way finish as they were admitted.
  void set_tokens(const std::vector<Token>& tokens);
  std::shared_ptr<const TokenTable> tokens() const;

  /// Accepts JWTs that `verifier` accepts, too; null: none. Those accepted before are checked anew.
  void set_jwt(std::shared_ptr<const JwtVerifier> verifier);

  const GuardOptions& options() const { return options_; }
  /// Whether AccessRequest's address matters: to limit it, or what it may have checked.
  bool uses_addresses() const {
    return options_.anonymous.requests > 0 || has_jwt_.load(std::memory_order_relaxed);
  }
  /// Without this, every check() would allow everything.
  bool is_needed() const { return options_.is_enabled || options_.anonymous.requests > 0; }

 private:
  struct Cache;
  Cache& cache();
  const TokenTable::Entry* find(const PresentedSecret& secret, std::string_view remote,
                                RateState& failures);
  const TokenTable::Entry* find_jwt(Cache& cache, const core::Sha256Digest& digest,
                                    std::string_view text, std::string_view remote,
                                    RateState& failures);
  std::shared_ptr<TokenUse> use_of_subject(const std::string& name);
  RatePolicy policy_of(const TokenTable::Entry& entry) const;
  void look_ahead(const TokenTable::Entry* entry, const AccessRequest& request, std::int64_t now_ns,
                  Verdict& verdict);
  Verdict counted(const Verdict& verdict);

  GuardOptions options_;
  const core::Clock* clock_;
  mutable std::mutex mutex_;  ///< guards what follows; taken once per thread and change
  std::shared_ptr<const TokenTable> table_;
  std::shared_ptr<const JwtVerifier> jwt_;
  std::map<std::string, std::shared_ptr<TokenUse>, std::less<>> subjects_;  ///< of JWTs
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> has_jwt_{false};
  AddressBuckets addresses_;
  AddressBuckets failures_;  ///< JWTs whose signature was checked for nothing
  core::Counter* allowed_;
  core::Counter* no_token_;
  core::Counter* invalid_token_;
  core::Counter* forbidden_;
  core::Counter* limited_;
};

}  // namespace tenure::auth
