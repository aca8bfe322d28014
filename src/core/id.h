#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"

namespace tenure::core {

/// 32 lower-case hexadecimal digits from the system's random source: MLflow's run ids.
std::string random_hex_id();

/// A UUID of version 4 (random), 36 characters.
std::string uuid_v4();

/// A UUID of version 7 (RFC 9562): sorts by time, then random. For request and prediction ids.
/// Allocation-free form: writes exactly 36 characters to `out`.
void uuid_v7(Micros now, char* out);
std::string uuid_v7(Micros now);

}  // namespace tenure::core
