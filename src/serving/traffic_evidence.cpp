#include "serving/traffic_evidence.h"

#include <utility>

namespace tenure::serving {
namespace {

core::JsonObject evidence_of(const ArmComparison& sides) {
  return {{"answers", sides.answers},
          {"champion_answers", sides.champion_answers},
          {"fallback_share", sides.fallback_share},
          {"champion_fallback_share", sides.champion_fallback_share},
          {"pairs", sides.pairs},
          {"mean_score", sides.mean_score},
          {"champion_mean_score", sides.champion_mean_score},
          {"latency_p99_us", sides.latency_p99_ns / 1000},
          {"champion_latency_p99_us", sides.champion_latency_p99_ns / 1000},
          {"stability_index", sides.psi}};
}

core::JsonObject evidence_of(const OutcomeSums& sums) {
  return {
      {"customers", sums.customers},         {"events", sums.events},
      {"expected", sums.expected},           {"observed_to_expected", sums.observed_to_expected()},
      {"events_z", sums.events_z()},         {"brier", sums.brier()},
      {"excess_brier", sums.excess_brier()}, {"spiegelhalter_z", sums.spiegelhalter_z()}};
}

}  // namespace

core::Json evidence_of(const std::optional<ArmComparison>& sides,
                       const std::optional<OutcomeSums>& arm,
                       const std::optional<OutcomeSums>& champion) {
  core::JsonObject evidence;
  if (sides) evidence = evidence_of(*sides);
  if (arm) evidence["outcomes"] = evidence_of(*arm);
  if (champion) evidence["champion_outcomes"] = evidence_of(*champion);
  return evidence.empty() ? core::Json(nullptr) : core::Json(std::move(evidence));
}

OutcomeGauges::OutcomeGauges(core::MetricRegistry& metrics, const std::string& variant)
    : customers_(metrics.gauge("tenure_traffic_labelled_customers",
                               "Customers of the variant's version whose outcome is known.",
                               {{"variant", variant}})),
      ratio_(metrics.gauge("tenure_traffic_observed_to_expected",
                           "Events of those customers over what the version's probabilities "
                           "promise; 0 without labels.",
                           {{"variant", variant}})),
      excess_(metrics.gauge("tenure_traffic_excess_brier",
                            "Brier score of those customers above what the version's probabilities "
                            "promise.",
                            {{"variant", variant}})) {}

void OutcomeGauges::set(const OutcomeSums& sums) {
  customers_.set(static_cast<double>(sums.customers));
  ratio_.set(sums.observed_to_expected());
  excess_.set(sums.excess_brier());
}

}  // namespace tenure::serving
