#include "decision/rule_set.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "decision/config_expression.h"

namespace tenure::decision {

core::Result<RuleSet> RuleSet::from_config(const core::Config& config,
                                           std::span<const Vocabulary::Feature> inputs) {
  const core::Config section = config.at("serving.fallback.rules");
  const Vocabulary vocabulary{.features = {inputs.begin(), inputs.end()}, .variables = {}};
  RuleSet rules;
  for (const std::string& name : section.names("")) {
    if (rules.rules_.size() == kRulesMax)
      return core::Error{
          core::ErrorCode::kResourceExhausted,
          fmt::format("serving.fallback.rules: more than {} rules; say the same with fewer",
                      kRulesMax)};
    const core::Config entry = section.entry(name);
    auto when = read_expression(entry, "when", vocabulary, ValueType::kBoolean);
    if (!when) return std::move(when).error();
    auto probability =
        read_number_expression(entry, "probability", vocabulary, {.low = 0, .high = 1});
    if (!probability) return std::move(probability).error();
    rules.rules_.push_back(
        {.name = name, .when = *std::move(when), .probability = *std::move(probability)});
  }
  return rules;
}

std::optional<RuleSet::Match> RuleSet::first_match(
    std::span<const data::Cell> cells) const noexcept {
  const Expression::Row row{.cells = cells};
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    if (!rules_[i].when.is_true(row)) continue;
    const double probability = rules_[i].probability.number(row);
    if (!std::isnan(probability)) return Match{i, std::clamp(probability, 0.0, 1.0)};
  }
  return std::nullopt;
}

}  // namespace tenure::decision
