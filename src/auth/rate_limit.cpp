#include "auth/rate_limit.h"

#include <algorithm>

namespace tenure::auth {
namespace {

constexpr std::size_t kSlots = 1 << 14;
constexpr std::size_t kProbes = 8;

std::int64_t seconds_up(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return std::max<std::int64_t>(ns, 0) / kSecond + (ns > 0 && ns % kSecond != 0 ? 1 : 0);
}

/// FNV-1a, then the finaliser of SplitMix64, which spreads what differs in the last characters.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t value = 14695981039346656037ULL ^ seed;
  for (const char c : text) {
    value ^= static_cast<unsigned char>(c);
    value *= 1099511628211ULL;
  }
  value ^= value >> 30;
  value *= 0xBF58476D1CE4E5B9ULL;
  value ^= value >> 27;
  value *= 0x94D049BB133111EBULL;
  value ^= value >> 31;
  return value == 0 ? 1 : value;  // 0 marks a slot that nobody has
}

}  // namespace

RateState RateBucket::take(const RatePolicy& policy, std::int64_t now_ns) {
  RateState state;
  if (policy.requests <= 0) return state;
  state.limit = policy.requests;
  state.window = policy.window;
  const std::int64_t window_ns = policy.window * 1000;
  const std::int64_t each_ns = std::max<std::int64_t>(window_ns / policy.requests, 1);
  std::int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    // A bucket of a larger policy, or of another clock, is never further away than a window.
    const std::int64_t from = std::clamp(full_at, now_ns, now_ns + window_ns);
    next = from + each_ns;
    state.is_allowed = next - now_ns <= window_ns;
    if (!state.is_allowed) {
      state.remaining = 0;
      state.reset_s = seconds_up(from - now_ns);
      state.retry_after_s = std::max<std::int64_t>(seconds_up(next - now_ns - window_ns), 1);
      return state;
    }
  } while (!full_at_ns_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
  state.remaining = (window_ns - (next - now_ns)) / each_ns;
  state.reset_s = seconds_up(next - now_ns);
  return state;
}

RateState RateBucket::look(const RatePolicy& policy, std::int64_t now_ns) const {
  RateBucket copy;
  copy.full_at_ns_.store(full_at_ns_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return copy.take(policy, now_ns);
}

void RateBucket::give_back(const RatePolicy& policy) {
  if (policy.requests <= 0) return;
  const std::int64_t each_ns = std::max<std::int64_t>(policy.window * 1000 / policy.requests, 1);
  full_at_ns_.fetch_sub(each_ns, std::memory_order_relaxed);
}

std::string_view client_of(std::string_view remote) {
  if (!remote.starts_with('[')) {
    const std::size_t colon = remote.find(':');
    // Two colons and no brackets: an IPv6 address without a port.
    if (colon == std::string_view::npos || remote.find(':', colon + 1) == std::string_view::npos)
      return remote.substr(0, colon);
  } else {
    remote.remove_prefix(1);
    remote = remote.substr(0, remote.find(']'));
  }
  constexpr std::string_view kMapped = "::ffff:";  // IPv4, as a listener on "::" shows it
  if (remote.starts_with(kMapped) && remote.find('.') != std::string_view::npos)
    return remote.substr(kMapped.size());
  // "::" in the first half ends the network early; what stands before it is one all the same.
  std::size_t groups = 0;
  for (std::size_t i = 0; i < remote.size(); ++i) {
    if (remote[i] != ':') continue;
    if (i + 1 < remote.size() && remote[i + 1] == ':') return remote.substr(0, i + 2);
    if (++groups == 4) return remote.substr(0, i);
  }
  return remote;
}

struct AddressBuckets::Slot {
  std::atomic<std::uint64_t> key{0};
  RateBucket bucket;
};

AddressBuckets::AddressBuckets(std::uint64_t seed)
    : seed_(seed), slots_(std::make_unique<Slot[]>(kSlots)) {}

AddressBuckets::~AddressBuckets() = default;

RateBucket& AddressBuckets::bucket_of(std::uint64_t key, std::int64_t now_ns) {
  const auto slot = [&](std::size_t i) -> Slot& { return slots_[(key + i) % kSlots]; };
  for (std::size_t i = 0; i < kProbes; ++i) {
    if (slot(i).key.load(std::memory_order_relaxed) == key) return slot(i).bucket;
  }
  for (std::size_t i = 0; i < kProbes; ++i) {
    Slot& free = slot(i);
    std::uint64_t other = free.key.load(std::memory_order_relaxed);
    if (other != 0 && !free.bucket.is_full(now_ns)) continue;
    // Whoever still holds the bucket of `other` costs us a request at worst.
    if (free.key.compare_exchange_strong(other, key, std::memory_order_relaxed) || other == key)
      return free.bucket;
  }
  return shared_;
}

RateState AddressBuckets::take(const RatePolicy& policy, std::string_view remote,
                               std::int64_t now_ns) {
  if (policy.requests <= 0) return {};
  return bucket_of(hash(client_of(remote), seed_), now_ns).take(policy, now_ns);
}

RateState AddressBuckets::look(const RatePolicy& policy, std::string_view remote,
                               std::int64_t now_ns) {
  if (policy.requests <= 0) return {};
  return bucket_of(hash(client_of(remote), seed_), now_ns).look(policy, now_ns);
}

void AddressBuckets::give_back(const RatePolicy& policy, std::string_view remote,
                               std::int64_t now_ns) {
  if (policy.requests > 0) bucket_of(hash(client_of(remote), seed_), now_ns).give_back(policy);
}

}  // namespace tenure::auth
