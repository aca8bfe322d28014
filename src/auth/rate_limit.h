#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/clock.h"

namespace tenure::auth {

/// So many requests in a window, which may come at once; afterwards they come back evenly.
struct RatePolicy {
  std::int64_t requests = 0;  ///< 0 = no limit
  core::Micros window = 60'000'000;
  bool operator==(const RatePolicy&) const = default;
};

/// How a bucket stands after a request.
struct RateState {
  bool is_allowed = true;
  std::int64_t limit = 0;          ///< requests of the policy; 0 = there is none
  core::Micros window = 0;         ///< of the policy
  std::int64_t remaining = 0;      ///< requests that could follow at once
  std::int64_t reset_s = 0;        ///< until all could, in seconds, rounded up
  std::int64_t retry_after_s = 0;  ///< until one could, at least 1, when refused
};

/// A token bucket in one atomic word: not how full it is, but when it will be full (the "generic
/// cell rate algorithm" of ITU-T I.371). Takes no lock; any thread.
class RateBucket {
 public:
  /// Takes one request, if there is one. `now_ns` is of a clock that does not go back.
  RateState take(const RatePolicy& policy, std::int64_t now_ns);

  /// What take() would say, without taking.
  RateState look(const RatePolicy& policy, std::int64_t now_ns) const;
  /// Undoes one take() of the same policy.
  void give_back(const RatePolicy& policy);

  /// True when the bucket is full: to forget it changes nothing.
  bool is_full(std::int64_t now_ns) const {
    return full_at_ns_.load(std::memory_order_relaxed) <= now_ns;
  }

 private:
  std::atomic<std::int64_t> full_at_ns_{0};
};

/// Buckets of clients without a token, by address: a table of fixed size, so that many addresses
/// cost no memory. An address of IPv6 counts by its /64, which is what one site has. When the table
/// is full of busy addresses, further ones share one bucket. Takes no lock; any thread.
class AddressBuckets {
 public:
  /// `seed` keeps others from choosing addresses that meet in one place.
  explicit AddressBuckets(std::uint64_t seed);
  ~AddressBuckets();
  AddressBuckets(const AddressBuckets&) = delete;
  AddressBuckets& operator=(const AddressBuckets&) = delete;

  /// `remote` is "192.0.2.1:51234", "[2001:db8::1]:51234", or an address without port.
  RateState take(const RatePolicy& policy, std::string_view remote, std::int64_t now_ns);
  /// What take() would say, without taking.
  RateState look(const RatePolicy& policy, std::string_view remote, std::int64_t now_ns);
  /// Undoes the take() of a moment ago.
  void give_back(const RatePolicy& policy, std::string_view remote, std::int64_t now_ns);

 private:
  struct Slot;
  RateBucket& bucket_of(std::uint64_t key, std::int64_t now_ns);
  std::uint64_t seed_;
  std::unique_ptr<Slot[]> slots_;
  RateBucket shared_;
};

/// The part of "address:port" that counts as one client: the IPv4 address, or the /64 of an IPv6
/// one.
std::string_view client_of(std::string_view remote);

}  // namespace tenure::auth
