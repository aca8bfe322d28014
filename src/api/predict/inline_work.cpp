#include "api/predict/inline_work.h"

namespace tenure::api {
namespace {

// Measured with the models of bench/predict, and with 300 trees of depth 6.
constexpr std::int64_t kByteNs = 2;         ///< of the body, read
constexpr std::int64_t kRowNs = 1'500;      ///< looked up, logged, written
constexpr std::int64_t kInputNs = 40;       ///< of a row, transformed
constexpr std::int64_t kTreeNs = 6;         ///< for a row
constexpr std::int64_t kReasonsNs = 2'000;  ///< of a row, ordered and written as sentences

}  // namespace

std::int64_t estimated_ns(const PredictWork& work,
                          const serving::ModelSnapshot& snapshot) noexcept {
  const learn::Model& model = snapshot.model;
  std::int64_t row = kRowNs +
                     kInputNs * static_cast<std::int64_t>(model.transform().inputs().size()) +
                     kTreeNs * static_cast<std::int64_t>(model.trees().tree_count());
  if (work.is_explained && snapshot.explainer)
    row += kReasonsNs + snapshot.explainer->estimated_ns();
  return kByteNs * static_cast<std::int64_t>(work.body_bytes) +
         row * static_cast<std::int64_t>(work.rows);
}

}  // namespace tenure::api
