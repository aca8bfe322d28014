#include "auth/guard.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "core/id.h"

namespace tenure::auth {
namespace {

using Outcome = Verdict::Outcome;

/// Signatures that one address may have checked in vain. To check one takes as long as ten
/// predictions.
constexpr RatePolicy kFailures{.requests = 100, .window = core::kMicrosPerSecond};

/// For how long a refused JWT is refused without another look: one that is not valid yet may become
/// so.
constexpr core::Micros kRefusedFor = 10 * core::kMicrosPerSecond;

/// Changes are numbered through the process, so that a thread never mistakes one guard's table for
/// that of another which lies at the same address.
std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::uint64_t random_seed() {
  const std::string hex = core::random_hex_id();
  std::uint64_t seed = 0;
  std::from_chars(hex.data(), hex.data() + 16, seed, 16);
  return seed;
}

bool may_use(const Token& token, std::string_view model) {
  return token.models.empty() || model.empty() ||
         std::ranges::find(token.models, model) != token.models.end();
}

/// What a known token may do.
void judge(const TokenTable::Entry& entry, const AccessRequest& request, Verdict& verdict) {
  if (entry.token.role < request.needed) {
    verdict.outcome = Outcome::kRoleTooLow;
  } else if (!may_use(entry.token, request.model)) {
    verdict.outcome = Outcome::kOtherModel;
  }
}

}  // namespace

/// A thread's own hold on the table, and on the JWTs that it has verified.
struct Guard::Cache {
  std::uint64_t generation = 0;
  std::shared_ptr<const TokenTable> table;
  std::shared_ptr<const JwtVerifier> jwt;
  std::vector<TokenTable::Entry> verified;  ///< four for each first byte of a digest
  struct Refused {
    core::Sha256Digest digest{};
    core::Micros until = 0;
  };
  std::vector<Refused> refused;  ///< by the first bits of the digest
};

Guard::Guard(GuardOptions options, const core::Clock& clock, core::MetricRegistry& metrics)
    : options_(options), clock_(&clock), addresses_(random_seed()), failures_(random_seed()) {
  const auto counter = [&metrics](const char* outcome) {
    return &metrics.counter("tenure_auth_checks_total", "Requests that need a role, by outcome",
                            {{"outcome", outcome}});
  };
  allowed_ = counter("allowed");
  no_token_ = counter("no_token");
  invalid_token_ = counter("invalid_token");
  forbidden_ = counter("forbidden");
  limited_ = counter("rate_limited");
  set_tokens({});
}

Guard::~Guard() = default;

void Guard::set_tokens(const std::vector<Token>& tokens) {
  auto next = std::make_shared<const TokenTable>(tokens, this->tokens().get());
  const std::lock_guard lock(mutex_);
  table_ = std::move(next);
  generation_.store(next_generation(), std::memory_order_release);
}

std::shared_ptr<const TokenTable> Guard::tokens() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

void Guard::set_jwt(std::shared_ptr<const JwtVerifier> verifier) {
  const std::lock_guard lock(mutex_);
  jwt_ = std::move(verifier);
  has_jwt_.store(jwt_ != nullptr, std::memory_order_relaxed);
  generation_.store(next_generation(), std::memory_order_release);
}

Guard::Cache& Guard::cache() {
  thread_local Cache cache;
  if (cache.generation != generation_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    cache.table = table_;
    if (cache.jwt != jwt_ || !jwt_) {
      cache.verified.clear();
      cache.refused.clear();
    }
    cache.jwt = jwt_;
    cache.generation = generation_.load(std::memory_order_relaxed);
  }
  return cache;
}

const TokenTable::Entry* Guard::find(const PresentedSecret& secret, std::string_view remote,
                                     RateState& failures) {
  if (!secret.is_present()) return nullptr;
  Cache& known = cache();
  // Whatever was shown is digested and looked up: that takes as long for one that exists.
  const core::Sha256Digest digest = core::sha256(secret.text());
  const TokenTable::Entry* entry = known.table->find(digest);
  if (entry == nullptr && known.jwt != nullptr && looks_like_jwt(secret.text()))
    entry = find_jwt(known, digest, secret.text(), remote, failures);
  return entry != nullptr && entry->token.is_usable(clock_->now()) ? entry : nullptr;
}

/// To verify a signature takes ten times as long as a prediction, so each thread does it once.
const TokenTable::Entry* Guard::find_jwt(Cache& known, const core::Sha256Digest& digest,
                                         std::string_view text, std::string_view remote,
                                         RateState& failures) {
  constexpr std::size_t kSets = 256, kWays = 4, kRefusedKept = 1024;
  if (known.verified.empty()) known.verified.resize(kSets * kWays);
  const auto ways = std::span(known.verified).subspan(digest[0] * kWays, kWays);
  for (const TokenTable::Entry& one : ways) {
    if (one.use && core::are_equal_in_constant_time(one.token.digest, digest)) return &one;
  }
  const core::Micros now = clock_->now();
  if (known.refused.empty()) known.refused.resize(kRefusedKept);
  Cache::Refused& refused = known.refused[(digest[0] * 256U + digest[1]) % kRefusedKept];
  if (refused.until > now && refused.digest == digest) return nullptr;
  const std::int64_t now_ns = clock_->monotonic_ns();
  failures = failures_.take(kFailures, remote, now_ns);
  if (!failures.is_allowed) return nullptr;
  auto token = known.jwt->verify(text, now);
  if (!token) {
    refused = {.digest = digest, .until = now + kRefusedFor};
    return nullptr;
  }
  failures_.give_back(kFailures, remote, now_ns);
  const auto free = std::ranges::find_if(
      ways, [now](const auto& one) { return !one.use || !one.token.is_usable(now); });
  TokenTable::Entry& slot = free != ways.end() ? *free : ways[digest[1] % kWays];
  slot.use = use_of_subject(token->name);
  slot.token = *std::move(token);
  return &slot;
}

/// All JWTs of one subject share a rate.
std::shared_ptr<TokenUse> Guard::use_of_subject(const std::string& name) {
  constexpr std::size_t kSubjectsMax = 10'000;
  const std::lock_guard lock(mutex_);
  if (subjects_.size() >= kSubjectsMax) {
    const std::int64_t now_ns = clock_->monotonic_ns();
    std::erase_if(subjects_, [now_ns](const auto& one) {
      return one.second.use_count() == 1 && one.second->bucket.is_full(now_ns);
    });
  }
  std::shared_ptr<TokenUse>& use = subjects_[name];
  if (!use) use = std::make_shared<TokenUse>();
  return use;
}

Verdict Guard::check(const AccessRequest& request) {
  Verdict verdict;
  // Nothing is asked for, so nothing is verified: that costs time, and there is no limit here.
  if (request.needed == core::Role::kAnyone) return verdict;
  const PresentedSecret secret(request.credentials);
  RateState failures;
  const TokenTable::Entry* entry =
      options_.is_enabled ? find(secret, request.credentials.remote, failures) : nullptr;
  if (!failures.is_allowed) {
    verdict.is_anonymous = true;
    verdict.rate = failures;
    verdict.outcome = Outcome::kTooMany;
    return counted(verdict);
  }
  if (entry != nullptr) {
    verdict.principal = entry->token.name;
    verdict.principal_id = entry->token.id.empty() ? entry->token.name : entry->token.id;
    verdict.role = entry->token.role;
    const core::Micros now = clock_->now();
    // A store only when it tells something new: the word is shared by all threads.
    auto& last_used = entry->use->last_used;
    if (last_used.load(std::memory_order_relaxed) + core::kMicrosPerSecond <= now)
      last_used.store(now, std::memory_order_relaxed);
  }
  const std::int64_t now_ns = clock_->monotonic_ns();
  if ((request.is_ahead || request.is_again) && (entry != nullptr || !options_.is_enabled)) {
    look_ahead(entry, request, now_ns, verdict);
    return verdict.is_allowed() ? verdict : counted(verdict);
  }
  if (entry == nullptr) {
    verdict.is_anonymous = true;
    verdict.rate = addresses_.take(options_.anonymous, request.credentials.remote, now_ns);
    if (!verdict.rate.is_allowed) {
      verdict.outcome = Outcome::kTooMany;
    } else if (options_.is_enabled) {
      verdict.outcome = secret.is_present() ? Outcome::kInvalidToken : Outcome::kNoToken;
    }
    return counted(verdict);
  }
  verdict.rate = entry->use->bucket.take(policy_of(*entry), now_ns);
  if (verdict.rate.is_allowed) {
    judge(*entry, request, verdict);
  } else {
    verdict.outcome = Outcome::kTooMany;
  }
  return counted(verdict);
}

RatePolicy Guard::policy_of(const TokenTable::Entry& entry) const {
  RatePolicy policy = options_.per_token;
  if (entry.token.rate > 0) policy.requests = entry.token.rate;
  return policy;
}

void Guard::look_ahead(const TokenTable::Entry* entry, const AccessRequest& request,
                       std::int64_t now_ns, Verdict& verdict) {
  if (entry != nullptr) judge(*entry, request, verdict);
  if (!verdict.is_allowed() || request.is_again) return;
  const RateState rate =
      entry != nullptr ? entry->use->bucket.look(policy_of(*entry), now_ns)
                       : addresses_.look(options_.anonymous, request.credentials.remote, now_ns);
  if (rate.is_allowed) return;
  verdict.rate = rate;
  verdict.is_anonymous = entry == nullptr;
  verdict.outcome = Outcome::kTooMany;
}

bool Guard::is_known(const AccessRequest& request) {
  if (!options_.is_enabled) return true;
  const PresentedSecret secret(request.credentials);
  RateState failures;
  const TokenTable::Entry* entry = find(secret, request.credentials.remote, failures);
  if (entry == nullptr) return false;
  Verdict verdict;
  judge(*entry, request, verdict);
  return verdict.is_allowed();
}

Verdict Guard::counted(const Verdict& verdict) {
  switch (verdict.outcome) {
    case Outcome::kAllowed:
      allowed_->add();
      break;
    case Outcome::kNoToken:
      no_token_->add();
      break;
    case Outcome::kInvalidToken:
      invalid_token_->add();
      break;
    case Outcome::kRoleTooLow:
    case Outcome::kOtherModel:
      forbidden_->add();
      break;
    case Outcome::kTooMany:
      limited_->add();
      break;
  }
  return verdict;
}

}  // namespace tenure::auth
