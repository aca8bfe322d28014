// libFuzzer target: any bytes as an artifact's path are refused, or give a path that stays below
// its root and is the same when it is made safe again. Seeds: corpus/artifact_path.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "tracking/artifact_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::tracking;
  const auto safe = safe_artifact_path(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!safe) return 0;
  if (safe_artifact_path(*safe).value_or("?") != *safe) __builtin_trap();
  const std::filesystem::path joined = std::filesystem::path("/artifacts") / *safe;
  const std::string place = joined.lexically_normal().string();
  if (place != "/artifacts/" && !place.starts_with("/artifacts/")) __builtin_trap();
  return 0;
}
