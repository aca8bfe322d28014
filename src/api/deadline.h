#pragma once

#include <cstdint>

#include "core/clock.h"
#include "core/error.h"
#include "core/result.h"
#include "net/http_message.h"

namespace tenure::api {

/// When the answer to a request is of no use any more: nanoseconds of Clock::monotonic_ns; 0 =
/// never. Counted from the request's first byte, so that time spent waiting is part of it. What is
/// late before work has begun is refused; what runs out on the way is answered by a fallback
/// (serving/fallback.h).
struct Deadline {
  std::int64_t at_ns = 0;

  /// The earlier of two.
  Deadline with(Deadline other) const {
    return at_ns == 0 || (other.at_ns != 0 && other.at_ns < at_ns) ? other : *this;
  }
};

/// The deadline in X-Request-Timeout-Ms, if there is one; 0 = none. Errors: kInvalidArgument for
/// what is no whole number of milliseconds; kDeadlineExceeded when it has passed.
core::Result<Deadline> request_deadline(const core::Clock& clock, const net::Request& request);

/// The deadline of something begun at `began_ns` that may take `timeout` microseconds; 0 or less =
/// none.
Deadline deadline_after(std::int64_t began_ns, core::Micros timeout);

/// The deadline at a time of day, as gRPC names it; a passed one stays passed.
Deadline deadline_at(const core::Clock& clock, core::Micros time);

/// Errors: kDeadlineExceeded when it has passed.
core::Result<> check_deadline(const core::Clock& clock, Deadline deadline);

}  // namespace tenure::api
