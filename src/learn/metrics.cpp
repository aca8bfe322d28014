#include "learn/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::learn {
namespace {

using Labels = std::span<const std::uint8_t>;
using Probabilities = std::span<const double>;

std::int64_t count_positives(Labels labels) {
  return std::count_if(labels.begin(), labels.end(), [](std::uint8_t y) { return y != 0; });
}

/// One distinct score: how many rows of each class score at least that much.
struct Cut {
  double threshold = 0;
  double true_positives = 0;
  double false_positives = 0;
};

/// Rows by descending score (ties in row order), and the cuts between distinct scores. Everything
/// that ranks is a walk over this, so one sort serves all.
struct Ranking {
  std::vector<std::uint32_t> order;
  std::vector<Cut> cuts;
  double positives = 0;
  double negatives = 0;
};

core::Result<Ranking> rank(Labels labels, Probabilities probabilities) {
  const auto invalid = [](std::string message) {
    return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
  };
  if (labels.size() != probabilities.size())
    return invalid(
        fmt::format("{} labels, but {} probabilities", labels.size(), probabilities.size()));
  if (labels.empty()) return invalid("no rows to evaluate");
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (std::isnan(probabilities[i]))
      return invalid(fmt::format("the probability of row {} is not a number", i));

  Ranking ranking;
  ranking.positives = static_cast<double>(count_positives(labels));
  ranking.negatives = static_cast<double>(labels.size()) - ranking.positives;
  if (ranking.positives == 0 || ranking.negatives == 0)
    return invalid(fmt::format("all {} labels are {}: ranking needs both classes", labels.size(),
                               ranking.positives == 0 ? 0 : 1));

  ranking.order.resize(labels.size());
  std::iota(ranking.order.begin(), ranking.order.end(), 0U);
  std::stable_sort(
      ranking.order.begin(), ranking.order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return probabilities[a] > probabilities[b]; });
  Cut cut;
  for (std::size_t i = 0; i < ranking.order.size(); ++i) {
    const std::uint32_t row = ranking.order[i];
    (labels[row] != 0 ? cut.true_positives : cut.false_positives) += 1;
    cut.threshold = probabilities[row];
    const bool is_last = i + 1 == ranking.order.size();
    if (is_last || probabilities[ranking.order[i + 1]] != cut.threshold)
      ranking.cuts.push_back(cut);
  }
  return ranking;
}

double auc_of(const Ranking& ranking) {
  double area = 0;
  Cut last;
  for (const Cut& cut : ranking.cuts) {
    area += (cut.false_positives - last.false_positives) *
            (cut.true_positives + last.true_positives) / 2;
    last = cut;
  }
  return area / (ranking.positives * ranking.negatives);
}

double precision_of(const Cut& cut) {
  return cut.true_positives / (cut.true_positives + cut.false_positives);
}

double average_precision_of(const Ranking& ranking) {
  double sum = 0;
  double found = 0;
  for (const Cut& cut : ranking.cuts) {
    sum += (cut.true_positives - found) * precision_of(cut);
    found = cut.true_positives;
  }
  return sum / ranking.positives;
}

double ks_of(const Ranking& ranking) {
  double largest = 0;
  for (const Cut& cut : ranking.cuts)
    largest = std::max(
        largest, cut.true_positives / ranking.positives - cut.false_positives / ranking.negatives);
  return largest;
}

double top_decile_lift_of(const Ranking& ranking, Labels labels) {
  const auto n = static_cast<double>(labels.size());
  // Half to even, as NumPy rounds; at least one row.
  const double wanted = std::clamp(std::nearbyint(n * 0.1), 1.0, n);
  const auto top = static_cast<std::size_t>(wanted);
  double found = 0;
  for (std::size_t i = 0; i < top; ++i) found += labels[ranking.order[i]] != 0 ? 1 : 0;
  return (found / wanted) / (ranking.positives / n);
}

/// Bin (i / bins, (i + 1) / bins] of a probability; 0 belongs to the first. The edges are the
/// doubles i / bins, so the product below is only a guess to start from.
std::size_t bin_of(double probability, std::size_t bins) {
  if (!(probability > 0)) return 0;
  if (probability >= 1) return bins - 1;
  const auto count = static_cast<double>(bins);
  auto bin = static_cast<std::size_t>(probability * count);
  bin = std::min(bin, bins - 1);
  while (bin > 0 && probability <= static_cast<double>(bin) / count) --bin;
  while (bin + 1 < bins && probability > static_cast<double>(bin + 1) / count) ++bin;
  return bin;
}

struct Bin {
  double rows = 0, predicted = 0, positives = 0;
};

std::vector<Bin> fill_bins(Labels labels, Probabilities probabilities, std::size_t bins) {
  TENURE_ASSERT(labels.size() == probabilities.size() && bins > 0);
  std::vector<Bin> result(bins);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Bin& bin = result[bin_of(probabilities[i], bins)];
    bin.rows += 1;
    bin.predicted += probabilities[i];
    bin.positives += labels[i] != 0 ? 1 : 0;
  }
  return result;
}

double ratio(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

}  // namespace

double log_loss(Labels labels, Probabilities probabilities) {
  TENURE_ASSERT(labels.size() == probabilities.size());
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(probabilities[i], kEpsilon, 1 - kEpsilon);
    // Not log1p(-p): scikit-learn takes the logarithm of the clipped complement.
    sum -= std::log(labels[i] != 0 ? p : 1 - p);
  }
  return ratio(sum, static_cast<double>(labels.size()));
}

double brier(Labels labels, Probabilities probabilities) {
  TENURE_ASSERT(labels.size() == probabilities.size());
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double miss = probabilities[i] - (labels[i] != 0 ? 1.0 : 0.0);
    sum += miss * miss;
  }
  return ratio(sum, static_cast<double>(labels.size()));
}

CalibrationError calibration_error(Labels labels, Probabilities probabilities, std::size_t bins) {
  CalibrationError error;
  for (const Bin& bin : fill_bins(labels, probabilities, bins)) {
    if (bin.rows == 0) continue;
    const double gap = std::abs(bin.predicted - bin.positives) / bin.rows;
    error.expected += gap * bin.rows / static_cast<double>(labels.size());
    error.maximum = std::max(error.maximum, gap);
  }
  return error;
}

double Confusion::accuracy() const {
  return ratio(
      static_cast<double>(true_negative + true_positive),
      static_cast<double>(true_negative + false_positive + false_negative + true_positive));
}
double Confusion::precision() const {
  return ratio(static_cast<double>(true_positive),
               static_cast<double>(true_positive + false_positive));
}
double Confusion::recall() const {
  return ratio(static_cast<double>(true_positive),
               static_cast<double>(true_positive + false_negative));
}
double Confusion::f1() const {
  return ratio(2 * static_cast<double>(true_positive),
               static_cast<double>(2 * true_positive + false_positive + false_negative));
}
double Confusion::balanced_accuracy() const {
  const double specificity = ratio(static_cast<double>(true_negative),
                                   static_cast<double>(true_negative + false_positive));
  return (recall() + specificity) / 2;
}
double Confusion::mcc() const {
  const auto tn = static_cast<double>(true_negative), fp = static_cast<double>(false_positive),
             fn = static_cast<double>(false_negative), tp = static_cast<double>(true_positive);
  return ratio(tp * tn - fp * fn,
               std::sqrt(tp + fp) * std::sqrt(tp + fn) * std::sqrt(tn + fp) * std::sqrt(tn + fn));
}

Confusion confusion_at(Labels labels, Probabilities probabilities, double threshold) {
  TENURE_ASSERT(labels.size() == probabilities.size());
  Confusion confusion;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool predicted = probabilities[i] >= threshold;
    if (labels[i] != 0)
      ++(predicted ? confusion.true_positive : confusion.false_negative);
    else
      ++(predicted ? confusion.false_positive : confusion.true_negative);
  }
  return confusion;
}

core::Result<std::vector<CurvePoint>> roc_curve(Labels labels, Probabilities probabilities) {
  auto ranking = rank(labels, probabilities);
  if (!ranking) return std::move(ranking).error();
  std::vector<CurvePoint> points{
      {.x = 0, .y = 0, .threshold = std::numeric_limits<double>::infinity()}};
  for (const Cut& cut : ranking->cuts)
    points.push_back({.x = cut.false_positives / ranking->negatives,
                      .y = cut.true_positives / ranking->positives,
                      .threshold = cut.threshold});
  return points;
}

core::Result<std::vector<CurvePoint>> precision_recall_curve(Labels labels,
                                                             Probabilities probabilities) {
  auto ranking = rank(labels, probabilities);
  if (!ranking) return std::move(ranking).error();
  // Precision of nothing found is 1 by convention, as in scikit-learn.
  std::vector<CurvePoint> points{
      {.x = 0, .y = 1, .threshold = std::numeric_limits<double>::infinity()}};
  for (const Cut& cut : ranking->cuts)
    points.push_back({.x = cut.true_positives / ranking->positives,
                      .y = precision_of(cut),
                      .threshold = cut.threshold});
  return points;
}

std::vector<CurvePoint> calibration_curve(Labels labels, Probabilities probabilities,
                                          std::size_t bins) {
  std::vector<CurvePoint> points;
  for (const Bin& bin : fill_bins(labels, probabilities, bins))
    if (bin.rows > 0)
      points.push_back(
          {.x = bin.predicted / bin.rows, .y = bin.positives / bin.rows, .threshold = bin.rows});
  return points;
}

core::Json Evaluation::to_json() const {
  return core::JsonObject{
      {"rows", rows},
      {"positives", positives},
      {"base_rate", ratio(static_cast<double>(positives), static_cast<double>(rows))},
      {"auc", auc},
      {"average_precision", average_precision},
      {"log_loss", log_loss},
      {"brier", brier},
      {"ece", ece},
      {"ks", ks},
      {"top_decile_lift", top_decile_lift},
      {"threshold", threshold},
      {"accuracy", confusion.accuracy()},
      {"precision", confusion.precision()},
      {"recall", confusion.recall()},
      {"f1", confusion.f1()},
      {"balanced_accuracy", confusion.balanced_accuracy()},
      {"mcc", confusion.mcc()},
      {"confusion", core::JsonObject{{"true_negative", confusion.true_negative},
                                     {"false_positive", confusion.false_positive},
                                     {"false_negative", confusion.false_negative},
                                     {"true_positive", confusion.true_positive}}}};
}

core::Result<Evaluation> evaluate(Labels labels, Probabilities probabilities, double threshold) {
  auto ranking = rank(labels, probabilities);
  if (!ranking) return std::move(ranking).error();
  Evaluation evaluation;
  evaluation.rows = static_cast<std::int64_t>(labels.size());
  evaluation.positives = static_cast<std::int64_t>(ranking->positives);
  evaluation.auc = auc_of(*ranking);
  evaluation.average_precision = average_precision_of(*ranking);
  evaluation.log_loss = learn::log_loss(labels, probabilities);
  evaluation.brier = learn::brier(labels, probabilities);
  evaluation.ece = calibration_error(labels, probabilities).expected;
  evaluation.ks = ks_of(*ranking);
  evaluation.top_decile_lift = top_decile_lift_of(*ranking, labels);
  evaluation.threshold = threshold;
  evaluation.confusion = confusion_at(labels, probabilities, threshold);
  return evaluation;
}

}  // namespace tenure::learn
