#pragma once

#include <string>

#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "learn/metrics.h"

namespace tenure::app {

struct Verdict {
  bool is_promoted = false;
  std::string reason;  ///< one sentence with the numbers, for people and the audit trail
};

/// Decides whether a challenger replaces the champion, from both models' metrics on the same rows
/// (section model.promotion). Every condition that fails is named.
struct PromotionGate {
  std::string metric = "log_loss";  ///< auc, average_precision, log_loss, brier
  double min_gain = 0;
  double auc_drop_max = 0.002;
  double ece_max = 0.1;

  static core::Result<PromotionGate> from_config(const core::Config& config);
  core::Json to_json() const;

  Verdict compare(const learn::Evaluation& challenger, const learn::Evaluation& champion) const;

  /// With nobody to compare with, the challenger must still rank better than chance and be
  /// calibrated. `why` leads the reason.
  Verdict without_champion(const learn::Evaluation& challenger, const std::string& why) const;
};

}  // namespace tenure::app
