#pragma once

#include <cstdint>
#include <span>

namespace tenure::learn {

/// What the processor offers; each level includes the ones before it.
enum class CpuLevel : std::uint8_t {
  kPortable,
  kAvx2,    ///< with BMI 1 and 2, POPCNT
  kAvx512,  ///< F, BW, VL, DQ and VBMI: servers from Ice Lake and Zen 4 on
};

/// The levels that this machine can run, the lowest first; never empty.
std::span<const CpuLevel> cpu_levels();

}  // namespace tenure::learn
