#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"

namespace tenure::core {

/// 32 lower-case hexadecimal digits from the system's random source, which nobody can foretell:
/// MLflow's run ids. Costs a system call.
std::string random_hex_id();

/// A UUID of version 7 (RFC 9562): sorts by time, then random. For request and prediction ids,
/// which must be unique and are no secret: their bits come from a generator of the thread, seeded
/// by the system, so whoever has seen some can foretell the next. Allocation-free form: writes
/// exactly 36 characters to `out`.
void uuid_v7(Micros now, char* out);
std::string uuid_v7(Micros now);

/// 64 random bits of the same generator, for ids of other forms.
std::uint64_t id_bits();

}  // namespace tenure::core
