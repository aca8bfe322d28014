#pragma once

#include <cstddef>
#include <cstdint>

#include "serving/predictor.h"

namespace tenure::api {

/// An event loop answers many clients; nobody may keep it for longer than this.
inline constexpr std::int64_t kInlineNsMax = 200'000;
/// To read more than this alone may take as long.
inline constexpr std::size_t kInlineBodyMax = std::size_t{32} * 1024;

/// What a request for predictions asks for.
struct PredictWork {
  std::size_t rows = 0;
  std::size_t body_bytes = 0;
  bool is_explained = false;
};

/// How long its answer takes on a usual core, within a factor of two: to read the body and look the
/// rows up, to score them, which grows with the trees, to explain them, which grows with their
/// splits, and to write the answer.
std::int64_t estimated_ns(const PredictWork& work, const serving::ModelSnapshot& snapshot) noexcept;

}  // namespace tenure::api
