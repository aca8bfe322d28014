#include "app/promotion_gate.h"

#include <vector>

#include <fmt/format.h>

namespace tenure::app {
namespace {

struct Compared {
  double value = 0;
  bool is_higher_better = true;
};

Compared value_of(const std::string& metric, const learn::Evaluation& evaluation) {
  if (metric == "auc") return {evaluation.auc, true};
  if (metric == "average_precision") return {evaluation.average_precision, true};
  if (metric == "brier") return {evaluation.brier, false};
  return {evaluation.log_loss, false};
}

std::string join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

core::Result<PromotionGate> PromotionGate::from_config(const core::Config& config) {
  const core::Config section = config.at("model.promotion");
  return PromotionGate{.metric = section.text("metric"),
                       .min_gain = section.number("min_gain"),
                       .auc_drop_max = section.number("auc_drop_max"),
                       .ece_max = section.number("ece_max")};
}

core::Json PromotionGate::to_json() const {
  return core::JsonObject{{"metric", metric},
                          {"min_gain", min_gain},
                          {"auc_drop_max", auc_drop_max},
                          {"ece_max", ece_max}};
}

Verdict PromotionGate::compare(const learn::Evaluation& challenger,
                               const learn::Evaluation& champion) const {
  const Compared mine = value_of(metric, challenger);
  const Compared theirs = value_of(metric, champion);
  const double gain = mine.is_higher_better ? mine.value - theirs.value : theirs.value - mine.value;
  const std::string compared =
      fmt::format("{} {:.4f} against the champion's {:.4f} on the same {} rows", metric, mine.value,
                  theirs.value, challenger.rows);
  std::vector<std::string> against;
  // An equal model is no reason to change what runs.
  if (gain < min_gain || gain <= 0)
    against.push_back(
        fmt::format("{} (a gain of {:.4f} is not above {})", compared, gain, min_gain));
  if (champion.auc - challenger.auc > auc_drop_max) {
    against.push_back(fmt::format("AUC falls from {:.4f} to {:.4f}, by more than {}", champion.auc,
                                  challenger.auc, auc_drop_max));
  }
  if (challenger.ece > ece_max)
    against.push_back(fmt::format("calibration error {:.4f} is above {}", challenger.ece, ece_max));
  if (!against.empty()) return {false, join(against)};
  return {true, compared};
}

Verdict PromotionGate::without_champion(const learn::Evaluation& challenger,
                                        const std::string& why) const {
  std::vector<std::string> against;
  if (challenger.auc <= 0.5)
    against.push_back(fmt::format("AUC {:.4f} is no better than chance", challenger.auc));
  if (challenger.ece > ece_max)
    against.push_back(fmt::format("calibration error {:.4f} is above {}", challenger.ece, ece_max));
  if (!against.empty()) return {false, why + ", but " + join(against)};
  return {true, fmt::format("{}; AUC {:.4f}, {} {:.4f} on {} test rows", why, challenger.auc,
                            metric, value_of(metric, challenger).value, challenger.rows)};
}

}  // namespace tenure::app
