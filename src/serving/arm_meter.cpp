#include "serving/arm_meter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "serving/predictor.h"

namespace tenure::serving {
namespace {

constexpr double kMillion = 1e6;
constexpr std::uint64_t kLatencyUnitNs = 128;  ///< the first bins are this wide
constexpr double kGroupsMax = 10;

/// Four bins to a doubling: the octave, then the two bits below the leading one.
std::size_t latency_bin(std::int64_t elapsed_ns) {
  const std::uint64_t units =
      static_cast<std::uint64_t>(std::max<std::int64_t>(elapsed_ns, 0)) / kLatencyUnitNs + 4;
  const auto octave = static_cast<unsigned>(std::bit_width(units)) - 3;
  const std::size_t bin = octave * 4 + ((units >> octave) & 3);
  return std::min(bin, ArmCounts::kLatencyBins - 1);
}

std::int64_t latency_bin_end_ns(std::size_t bin) {
  const std::uint64_t units = (5 + bin % 4) << (bin / 4);
  return static_cast<std::int64_t>((units - 4) * kLatencyUnitNs);
}

}  // namespace

std::uint64_t ArmCounts::timed() const {
  return std::accumulate(latencies.begin(), latencies.end(), std::uint64_t{0});
}

double ArmCounts::fallback_share() const {
  return answers == 0 ? 0 : static_cast<double>(fallbacks) / static_cast<double>(answers);
}

double ArmCounts::mean_score() const {
  return scored() == 0 ? 0
                       : static_cast<double>(score_sum) / kMillion / static_cast<double>(scored());
}

std::int64_t ArmCounts::latency_p99_ns() const {
  const std::uint64_t all = timed();
  std::uint64_t left = all - all / 100;
  for (std::size_t bin = 0; bin < latencies.size() && all != 0; ++bin) {
    if (latencies[bin] >= left) return latency_bin_end_ns(bin);
    left -= latencies[bin];
  }
  return 0;
}

ArmCounts ArmCounts::since(const ArmCounts& earlier) const {
  ArmCounts change;
  change.answers = answers - earlier.answers;
  change.fallbacks = fallbacks - earlier.fallbacks;
  change.score_sum = score_sum - earlier.score_sum;
  for (std::size_t i = 0; i < scores.size(); ++i) change.scores[i] = scores[i] - earlier.scores[i];
  for (std::size_t i = 0; i < latencies.size(); ++i)
    change.latencies[i] = latencies[i] - earlier.latencies[i];
  return change;
}

double stability_index(const ArmCounts& expected, const ArmCounts& actual) {
  const auto total = [](const ArmCounts& counts) {
    return static_cast<double>(
        std::accumulate(counts.scores.begin(), counts.scores.end(), std::uint64_t{0}));
  };
  const double all_expected = total(expected), all_actual = total(actual);
  if (all_expected == 0 || all_actual == 0) return 0;
  double index = 0, in_expected = 0, in_actual = 0, seen = 0;
  for (std::size_t bin = 0; bin < ArmCounts::kScoreBins; ++bin) {
    in_expected += static_cast<double>(expected.scores[bin]);
    in_actual += static_cast<double>(actual.scores[bin]);
    seen += static_cast<double>(expected.scores[bin]);
    const bool is_last = bin + 1 == ArmCounts::kScoreBins;
    // A last group too small to be one of its own would weigh a handful of customers.
    const bool has_room = all_expected - seen >= all_expected / kGroupsMax / 2;
    if (!is_last && (in_expected < all_expected / kGroupsMax || !has_room)) continue;
    // Half a count each, so that an empty group is no infinity.
    const double a = (in_actual + 0.5) / (all_actual + 0.5);
    const double e = (in_expected + 0.5) / (all_expected + 0.5);
    index += (a - e) * std::log(a / e);
    in_expected = in_actual = 0;
  }
  return index;
}

namespace {

/// Whether another version might have answered. Nobody knows an unknown customer.
bool is_fault_of_version(FallbackReason reason) {
  return reason != FallbackReason::kUnknownEntity;
}

}  // namespace

void ArmMeter::count(const Prediction& prediction) noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  if (prediction.level == Level::kPrimary) {
    const double score = std::clamp(static_cast<double>(prediction.probability), 0.0, 1.0);
    const auto bin = static_cast<std::size_t>(score * static_cast<double>(ArmCounts::kScoreBins));
    scores_[std::min(bin, ArmCounts::kScoreBins - 1)].fetch_add(1, kRelaxed);
    score_sum_.fetch_add(static_cast<std::uint64_t>(score * kMillion), kRelaxed);
  } else if (is_fault_of_version(prediction.reason)) {
    fallbacks_.fetch_add(1, kRelaxed);
  } else {
    return;  // about such a customer no version has anything to say
  }
  answers_.fetch_add(1, std::memory_order_release);  // last: counts() never sees more parts
}

void ArmMeter::time(std::int64_t elapsed_ns) noexcept {
  latencies_[latency_bin(elapsed_ns)].fetch_add(1, std::memory_order_relaxed);
}

ArmCounts ArmMeter::counts() const {
  ArmCounts counts;
  constexpr auto kRelaxed = std::memory_order_relaxed;
  counts.fallbacks = fallbacks_.load(kRelaxed);
  counts.answers = std::max(answers_.load(std::memory_order_acquire), counts.fallbacks);
  counts.score_sum = score_sum_.load(kRelaxed);
  for (std::size_t i = 0; i < scores_.size(); ++i) counts.scores[i] = scores_[i].load(kRelaxed);
  for (std::size_t i = 0; i < latencies_.size(); ++i)
    counts.latencies[i] = latencies_[i].load(kRelaxed);
  return counts;
}

}  // namespace tenure::serving
