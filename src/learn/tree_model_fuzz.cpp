// libFuzzer target: any bytes give an error or a model that scores and answers, in each form of the
// evaluator the same. Seeds, of every file form: corpus/tree_model.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "learn/tree_model.h"

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
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -1e30F, 1.0F, 1e30F}) {
    const std::vector<float> row(model->feature_count(), value);
    model->margins(row, margins);
    model->outputs(margins, outputs);
    model->leaves(row, leaves);
    if (model->group_count() == 1) static_cast<void>(model->score(row));
  }
  static_cast<void>(model->gain_importance());
  return 0;
}
