#include "api/deadline.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace tenure::api {
namespace {

constexpr std::string_view kHeader = "X-Request-Timeout-Ms";
constexpr core::Micros kTimeoutMax = 365LL * 86'400 * core::kMicrosPerSecond;

}  // namespace

Deadline deadline_after(std::int64_t began_ns, core::Micros timeout) {
  if (timeout <= 0) return {};
  const std::int64_t at_ns = began_ns + std::min(timeout, kTimeoutMax) * 1000;
  return {.at_ns = at_ns == 0 ? 1 : at_ns};
}

Deadline deadline_at(const core::Clock& clock, core::Micros time) {
  const core::Micros left = std::clamp<core::Micros>(time - clock.now(), -1, kTimeoutMax);
  const std::int64_t at_ns = clock.monotonic_ns() + left * 1000;
  return {.at_ns = at_ns == 0 ? -1 : at_ns};
}

core::Result<> check_deadline(const core::Clock& clock, Deadline deadline) {
  if (deadline.at_ns == 0 || clock.monotonic_ns() <= deadline.at_ns) return {};
  return core::Error{core::ErrorCode::kDeadlineExceeded,
                     "The request's time had run out before work on it began"};
}

core::Result<Deadline> request_deadline(const core::Clock& clock, const net::Request& request) {
  const std::string_view text = request.header(kHeader);
  if (text.empty()) return Deadline{};
  std::int64_t milliseconds = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  const bool is_number = end == text.data() + text.size() && milliseconds >= 0 &&
                         (status == std::errc() || status == std::errc::result_out_of_range);
  if (!is_number)
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("{} should be a whole number of milliseconds, not '{}'", kHeader, text)};
  if (status != std::errc()) milliseconds = kTimeoutMax / 1000;
  const Deadline deadline =
      deadline_after(request.began_ns, std::min(milliseconds, kTimeoutMax / 1000) * 1000);
  if (auto ok = check_deadline(clock, deadline); !ok) return std::move(ok).error();
  return deadline;
}

}  // namespace tenure::api
