// libFuzzer target: any bytes give an error or a model that scores, answers and explains; its fast
// form gives what the walk gives. Seeds, of every file form: corpus/tree_model.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "learn/tree_model.h"
#include "learn/tree_shap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model =
      tenure::learn::TreeModel::load(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model) return 0;
  std::vector<float> margins(model->group_count());
  std::vector<float> outputs(model->group_count());
  std::vector<std::int32_t> leaves(model->tree_count());
  if (model->evaluator_note().find("walk over nodes gives") != std::string_view::npos) {
    std::abort();  // the fast form differs
  }
  constexpr std::size_t kPartsMax = 1'000'000;  // hostile files claim many features and classes
  const std::size_t parts = model->group_count() * (model->feature_count() + 1);
  const auto shap = tenure::learn::TreeShap::make(*model);
  tenure::learn::TreeShap::Scratch scratch;
  std::vector<double> contributions(parts <= kPartsMax ? parts : 0);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -1e30F, 1.0F, 1e30F}) {
    const std::vector<float> row(model->feature_count(), value);
    model->margins(row, margins);
    model->outputs(margins, outputs);
    model->leaves(row, leaves);
    if (model->group_count() == 1) static_cast<void>(model->score(row));
    if (shap && !contributions.empty()) {
      shap->contributions(*model, row, scratch, contributions);
    }
  }
  static_cast<void>(model->gain_importance());
  return 0;
}
