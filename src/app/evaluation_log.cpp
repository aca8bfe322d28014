#include "app/evaluation_log.h"

#include <utility>
#include <vector>

namespace tenure::app {

core::Result<> log_evaluation(Project& project, std::string_view run_id,
                              const learn::Evaluation& evaluation) {
  const std::int64_t now_ms = project.clock().now() / 1000;
  const std::pair<const char*, double> values[] = {
      {"test_auc", evaluation.auc},
      {"average_precision", evaluation.average_precision},
      {"log_loss", evaluation.log_loss},
      {"brier", evaluation.brier},
      {"ece", evaluation.ece},
      {"ks", evaluation.ks},
      {"top_decile_lift", evaluation.top_decile_lift},
      {"f1", evaluation.confusion.f1()},
      {"accuracy", evaluation.confusion.accuracy()}};
  std::vector<tracking::Metric> metrics;
  for (const auto& [key, value] : values) metrics.push_back({key, value, now_ms, 0});
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  return (*runs)->log(run_id, metrics);
}

}  // namespace tenure::app
