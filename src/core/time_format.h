#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::core {

/// "2024-01-05T00:00:00.250000Z"; the fraction is left out when it is zero.
std::string format_utc(Micros time);

/// The same behind `out`, which alone may allocate.
void append_utc(std::string& out, Micros time);

/// "2024-01-05 00:00:00.250000" without zone, always six digits: MLflow's `utc_time_created`.
std::string format_utc_plain(Micros time);

/// Reads ISO 8601: date, or date and time ('T' or blank) with optional fraction and optional zone
/// ("Z", "+05:30"). Without a zone the time is UTC.
/// Errors: kInvalidArgument, naming the text.
Result<Micros> parse_time(std::string_view text);

/// Reads "250ms", "30s", "5m", "2h", "7d", or a bare number of seconds, into microseconds.
/// Errors: kInvalidArgument for a missing number, an unknown unit, a negative value or overflow.
Result<Micros> parse_duration(std::string_view text);

/// "850 ms", "12.4 s", "3 m 05 s": for people.
std::string format_duration(double seconds);

}  // namespace tenure::core
