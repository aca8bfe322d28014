#include "learn/presets.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace tenure::learn {

std::span<const Preset> presets() {
  // Measured on public and synthetic churn tables of 3,000 to 100,000 rows; no single setting wins
  // everywhere (docs/adr/0016).
  static const std::array<Preset, 4> kPresets = {{
      {.name = "stumps",
       .description = "One split a tree: an additive model, as on the Telco table",
       .rounds = 400,
       .rounds_max = 2000,
       .eta_many_rows = "0.2",
       .params = {{"eta", "0.1"}, {"max_depth", "1"}, {"lambda", "30"}}},
      {.name = "light",
       .description = "Shallow and heavily regularised: few rows, weak interactions",
       .rounds = 400,
       .rounds_max = 1200,
       .eta_many_rows = "0.06",
       .params = {{"eta", "0.03"},
                  {"max_depth", "3"},
                  {"min_child_weight", "5"},
                  {"subsample", "0.8"},
                  {"colsample_bytree", "0.6"},
                  {"lambda", "5"}}},
      {.name = "balanced",
       .description = "Medium depth for mixed tables",
       .rounds = 600,
       .rounds_max = 1000,
       .eta_many_rows = "0.05",
       .params = {{"eta", "0.05"},
                  {"max_depth", "4"},
                  {"min_child_weight", "3"},
                  {"subsample", "0.8"},
                  {"colsample_bytree", "0.6"},
                  {"lambda", "3"}}},
      {.name = "deep",
       .description = "Deep trees for strong interactions, as in shop, bank and card tables",
       .rounds = 800,
       .rounds_max = 1000,
       .eta_many_rows = "0.05",
       .params = {{"eta", "0.05"},
                  {"max_depth", "6"},
                  {"min_child_weight", "1"},
                  {"subsample", "0.8"},
                  {"colsample_bytree", "0.7"},
                  {"lambda", "1"}}},
  }};
  return kPresets;
}

bool has_many_rows(std::span<const std::uint8_t> labels) {
  constexpr std::size_t kRows = 20'000;
  constexpr std::size_t kRareRows = 2'000;
  const auto positives = static_cast<std::size_t>(
      std::ranges::count_if(labels, [](std::uint8_t label) { return label != 0; }));
  return labels.size() > kRows && std::min(positives, labels.size() - positives) >= kRareRows;
}

std::map<std::string, std::string> auto_params(const Preset& preset,
                                               std::span<const std::uint8_t> labels) {
  std::map<std::string, std::string> params = preset.params;
  if (has_many_rows(labels)) params["eta"] = preset.eta_many_rows;
  return params;
}

core::Result<const Preset*> find_preset(std::string_view name) {
  std::string known = "auto";
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset;
    known += fmt::format(", {}", preset.name);
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("model.preset is '{}'; accepted: {}", name, known)};
}

}  // namespace tenure::learn
