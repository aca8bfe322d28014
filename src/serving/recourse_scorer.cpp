#include "serving/recourse_scorer.h"

#include <utility>

namespace tenure::serving {

decision::Recourse::Scorer recourse_scorer(const learn::Model& model) {
  std::vector<float> encoded(model.transform().outputs().size());
  return [&model, encoded = std::move(encoded)](std::span<const data::Cell> cells,
                                                std::size_t rows) mutable {
    std::vector<double> probabilities(rows);
    const std::size_t width = model.transform().inputs().size();
    for (std::size_t i = 0; i < rows; ++i)
      probabilities[i] =
          static_cast<double>(model.score(cells.subspan(i * width, width), encoded).probability);
    return probabilities;
  };
}

}  // namespace tenure::serving
