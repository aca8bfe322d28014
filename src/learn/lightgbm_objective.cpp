#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "learn/lightgbm_model_loader.h"
#include "learn/lightgbm_text.h"

namespace tenure::learn {

// Source: microsoft/LightGBM src/objective/objective_function.cpp, ConvertOutput of each.
core::Result<LightgbmOutput> read_lightgbm_objective(std::string_view text) {
  struct Named {
    std::string_view name;
    Objective objective;
  };
  static constexpr auto kNamed =
      std::to_array<Named>({{"binary", Objective::kBinaryLogistic},
                            {"cross_entropy", Objective::kBinaryLogistic},
                            {"xentropy", Objective::kBinaryLogistic},
                            {"cross_entropy_lambda", Objective::kLog1pExp},
                            {"xentlambda", Objective::kLog1pExp},
                            {"multiclass", Objective::kSoftprob},
                            {"multiclassova", Objective::kOneVersusAll},
                            {"poisson", Objective::kExp},
                            {"gamma", Objective::kExp},
                            {"tweedie", Objective::kExp},
                            {"regression", Objective::kIdentity},
                            {"regression_l1", Objective::kIdentity},
                            {"huber", Objective::kIdentity},
                            {"fair", Objective::kIdentity},
                            {"quantile", Objective::kIdentity},
                            {"mape", Objective::kIdentity},
                            {"lambdarank", Objective::kIdentity},
                            {"rank_xendcg", Objective::kIdentity}});
  const std::string_view name = take_word(text);
  if (name.empty() || name == "custom")
    return LightgbmOutput{};  // a user's own: scores stay as they are
  const auto named = std::find_if(kNamed.begin(), kNamed.end(),
                                  [&](const Named& known) { return known.name == name; });
  if (named == kNamed.end())
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("objective \"{}\" is not known", name.substr(0, 80))};
  LightgbmOutput output{named->objective, 1};
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (word == "sqrt") {
      output.objective = Objective::kSignedSquare;
    } else if (word.starts_with("sigmoid:")) {
      word.remove_prefix(8);
      const auto read = std::from_chars(word.data(), word.data() + word.size(), output.sigmoid);
      if (read.ec != std::errc{} || read.ptr != word.data() + word.size() ||
          !(output.sigmoid > 0)) {
        return core::Error{core::ErrorCode::kCorruption,
                           fmt::format("objective: sigmoid \"{}\"", word.substr(0, 40))};
      }
    }  // Others (num_class:3, alpha:0.9, c:1) do not change the output.
  }
  return output;
}

}  // namespace tenure::learn
