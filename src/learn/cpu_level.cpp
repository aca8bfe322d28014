#include "learn/cpu_level.h"

#include <array>

namespace tenure::learn {
namespace {

std::size_t count_levels() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
      !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("popcnt")) {
    return 1;
  }
  const bool has_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vbmi");
  return has_512 ? 3 : 2;
#else
  return 1;
#endif
}

}  // namespace

std::span<const CpuLevel> cpu_levels() {
  static constexpr std::array kAll{CpuLevel::kPortable, CpuLevel::kAvx2, CpuLevel::kAvx512};
  static const std::size_t count = count_levels();
  return std::span(kAll).first(count);
}

}  // namespace tenure::learn
