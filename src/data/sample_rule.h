#pragma once

#include <cstdint>

namespace tenure::data {

/// How much of a source is read. What is counted about columns costs about a microsecond for each
/// cell, so the sample is bounded by cells.
struct SampleRule {
  std::uintmax_t whole_bytes = 0;  ///< files up to this size are read whole
  std::int64_t cells = 1'500'000;
  std::int64_t rows_min = 20'000;
  std::int64_t rows_max = 200'000;
  std::int64_t class_rows = 2'000;  ///< wanted of the label's rarer value, within rows_max
};

}  // namespace tenure::data
