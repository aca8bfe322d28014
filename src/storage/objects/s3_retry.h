#pragma once

#include <mutex>
#include <string_view>

#include "core/clock.h"
#include "core/random.h"

namespace tenure::storage {

/// Whether an answer says that the same request may succeed later.
bool is_passing_s3_failure(int status, std::string_view error_code);

/// When and how often to try again. One budget for all calls of a client: while most of them fail,
/// few are repeated, so that an outage is not made worse. Thread-safe.
class S3Retries {
 public:
  S3Retries(int attempts, std::uint64_t seed) : attempts_(attempts), random_(seed) {}

  /// The pause after attempt number `attempt` (from 1); negative: give up.
  core::Micros pause_after(int attempt, bool was_timeout);
  /// To be told of each call that came to an answer, after `attempt` attempts.
  void succeeded(int attempt);

 private:
  const int attempts_;
  std::mutex mutex_;
  core::Random random_;
  int tokens_ = 500;
};

}  // namespace tenure::storage
