#include "decision/threshold.h"

#include <charconv>

#include <fmt/format.h>

namespace tenure::decision {

core::Result<Threshold> Threshold::from_config(const core::Config& config) {
  const std::string text = config.text("decision.threshold");
  if (text == "prior") return Threshold{.kind = Kind::kPrior, .value = 0};
  if (text == "profit") return Threshold{.kind = Kind::kProfit, .value = 0};
  Threshold threshold;
  const char* const last = text.data() + text.size();
  const auto [end, status] = std::from_chars(text.data(), last, threshold.value);
  const bool is_number = status == std::errc{} && end == last;
  if (!is_number || !(threshold.value > 0 && threshold.value < 1))
    return config.error_at(
        "decision.threshold",
        fmt::format("is '{}'; expected a number between 0 and 1, 'prior' or 'profit'", text));
  return threshold;
}

}  // namespace tenure::decision
