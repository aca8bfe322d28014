#pragma once

#include <optional>
#include <string>

#include "core/json.h"
#include "core/metric.h"
#include "serving/outcomes.h"
#include "serving/traffic_guard.h"

namespace tenure::serving {

/// All that was known of an arm and of the champion when the arm was taken out, for the audit
/// trail; null when nothing was.
core::Json evidence_of(const std::optional<ArmComparison>& sides,
                       const std::optional<OutcomeSums>& arm,
                       const std::optional<OutcomeSums>& champion);

/// What a scrape shows of the outcomes of one variant.
class OutcomeGauges {
 public:
  OutcomeGauges(core::MetricRegistry& metrics, const std::string& variant);
  void set(const OutcomeSums& sums);

 private:
  core::Gauge& customers_;
  core::Gauge& ratio_;
  core::Gauge& excess_;
};

}  // namespace tenure::serving
