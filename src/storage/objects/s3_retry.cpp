#include "storage/objects/s3_retry.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tenure::storage {
namespace {

// What AWS's own clients use.
constexpr int kTokensMax = 500;
constexpr int kRetryCost = 5;
constexpr int kTimeoutCost = 10;
constexpr double kPauseMaxSeconds = 20;

}  // namespace

bool is_passing_s3_failure(int status, std::string_view error_code) {
  constexpr auto kCodes = std::to_array<std::string_view>(
      {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "SlowDown",
       "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
       "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
       "BandwidthLimitExceeded", "TransactionInProgressException", "InternalError",
       "ServiceUnavailable", "OperationAborted"});
  if (status == 429 || status == 500 || status == 502 || status == 503 || status == 504)
    return true;
  return std::ranges::find(kCodes, error_code) != kCodes.end();
}

core::Micros S3Retries::pause_after(int attempt, bool was_timeout) {
  if (attempt >= attempts_) return -1;
  const std::lock_guard lock(mutex_);
  const int cost = was_timeout ? kTimeoutCost : kRetryCost;
  if (tokens_ < cost) return -1;
  tokens_ -= cost;
  const double seconds = std::min(kPauseMaxSeconds, random_.uniform() * std::pow(2.0, attempt - 1));
  return static_cast<core::Micros>(seconds * static_cast<double>(core::kMicrosPerSecond));
}

void S3Retries::succeeded(int attempt) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(kTokensMax, tokens_ + (attempt > 1 ? kRetryCost : 1));
}

}  // namespace tenure::storage
