#include "app/scoring_rules.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace tenure::app {

core::Result<std::vector<data::ColumnRule>> scoring_rules(const StoredModel& stored,
                                                          const data::DataSpec& spec) {
  auto service = stored.definitions.service(stored.model.facts().service);
  if (!service) return std::move(service).error();
  std::vector<data::ColumnRule> rules;
  const auto inputs = stored.model.transform().inputs();
  const auto& null_values = stored.model.facts().null_values;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const features::FeatureRef& ref = (*service)->features[i];
    const features::FeatureView* view = stored.definitions.view(ref.view);
    const auto feature = std::ranges::find(view->features, ref.feature, &features::Feature::name);
    const auto known =
        std::ranges::find(spec.columns, feature->source_column, &data::ColumnRule::name);
    data::ColumnRule rule = known != spec.columns.end() ? *known : data::ColumnRule{};
    rule.name = feature->source_column;
    rule.type = inputs[i].type;
    rule.is_inferred = false;
    // The model's, not today's: online predictions use it too.
    const auto null_value = null_values.find(inputs[i].name);
    rule.null_value =
        null_value != null_values.end() ? std::optional(null_value->second) : std::nullopt;
    const auto& markers = stored.model.facts().null_markers;
    if (const auto known_markers = markers.find(inputs[i].name); known_markers != markers.end())
      rule.null_markers = known_markers->second;
    rule.needed_by = fmt::format("feature '{}' of view '{}'", ref.feature, ref.view);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace tenure::app
