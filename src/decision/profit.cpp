#include "decision/profit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <boost/math/special_functions/beta.hpp>
#include <fmt/format.h>

namespace tenure::decision {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Arguments are checked before, so nothing can be wrong with them that an exception should tell.
using QuietPolicy = boost::math::policies::policy<
    boost::math::policies::domain_error<boost::math::policies::ignore_error>,
    boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
    boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

double regularised_beta(double x, double alpha, double beta) {
  return boost::math::ibeta(alpha, beta, x, QuietPolicy());
}

core::Error invalid(std::string message) {
  return {core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Result<> check_terms(const CampaignTerms& terms) {
  const auto is_cost = [](double cost) { return std::isfinite(cost) && cost >= 0; };
  const auto is_positive = [](double number) { return std::isfinite(number) && number > 0; };
  if (!is_positive(terms.value))
    return invalid(fmt::format("the value of a customer is {}; expected more than 0", terms.value));
  if (!is_cost(terms.offer_cost) || !is_cost(terms.contact_cost))
    return invalid(fmt::format("the offer costs {} and a contact {}; expected 0 or more",
                               terms.offer_cost, terms.contact_cost));
  if (terms.offer_cost >= terms.value)
    return invalid(fmt::format("the offer costs {}, and a customer is worth {}; expected less",
                               terms.offer_cost, terms.value));
  if (!is_positive(terms.alpha) || !is_positive(terms.beta))
    return invalid(fmt::format("the acceptance is Beta({}, {}); expected parameters above 0",
                               terms.alpha, terms.beta));
  return {};
}

/// How many of each class have a probability of at least `threshold`.
struct Cut {
  double threshold = kInfinity;
  double positives = 0;
  double negatives = 0;
};

/// From nobody to everybody.
struct Ranking {
  std::vector<Cut> cuts;
  double positives() const { return cuts.back().positives; }
  double negatives() const { return cuts.back().negatives; }
  double rows() const { return positives() + negatives(); }
};

core::Result<Ranking> rank(std::span<const std::uint8_t> labels,
                           std::span<const double> probabilities) {
  if (labels.size() != probabilities.size())
    return invalid(
        fmt::format("{} labels, but {} probabilities", labels.size(), probabilities.size()));
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (std::isnan(probabilities[i]))
      return invalid(fmt::format("the probability of row {} is not a number", i));
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return probabilities[a] > probabilities[b]; });
  Ranking ranking;
  ranking.cuts.emplace_back();
  for (const std::uint32_t row : order) {
    if (ranking.cuts.size() == 1 || probabilities[row] != ranking.cuts.back().threshold) {
      ranking.cuts.push_back(Cut(ranking.cuts.back()));
      ranking.cuts.back().threshold = probabilities[row];
    }
    (labels[row] != 0 ? ranking.cuts.back().positives : ranking.cuts.back().negatives) += 1;
  }
  if (ranking.positives() == 0 || ranking.negatives() == 0)
    return invalid(fmt::format("of {} customers {} left: profit needs both kinds", labels.size(),
                               ranking.positives() == 0 ? "none" : "all"));
  return ranking;
}

/// The corners of the upper convex hull of the ROC curve, as indexes of cuts. Nobody is always
/// one, also where the hull starts straight up.
std::vector<std::size_t> upper_hull(const Ranking& ranking) {
  std::vector<std::size_t> hull;
  const auto& cuts = ranking.cuts;
  // Counts are whole numbers, so the turn is exact up to 2^26 customers of each class.
  const auto is_below = [&cuts](std::size_t a, std::size_t b, std::size_t c) {
    const double x1 = cuts[b].negatives - cuts[a].negatives;
    const double y1 = cuts[b].positives - cuts[a].positives;
    const double x2 = cuts[c].negatives - cuts[a].negatives;
    const double y2 = cuts[c].positives - cuts[a].positives;
    return x1 * y2 - y1 * x2 >= 0;
  };
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    while (hull.size() >= 2 && is_below(hull[hull.size() - 2], hull.back(), i)) hull.pop_back();
    hull.push_back(i);
  }
  return hull;
}

}  // namespace

double expected_profit(const OfferTerms& terms, double probability) noexcept {
  return probability * terms.acceptance * terms.value - expected_cost(terms, probability);
}

double expected_cost(const OfferTerms& terms, double probability) noexcept {
  const double taken = probability * terms.acceptance + (1 - probability);
  return terms.contact_cost + terms.offer_cost * taken;
}

double break_even(const OfferTerms& terms) noexcept {
  const double gain = terms.acceptance * (terms.value - terms.offer_cost) + terms.offer_cost;
  return gain > 0 ? (terms.offer_cost + terms.contact_cost) / gain : kInfinity;
}

core::Result<std::vector<ProfitPoint>> profit_curve(std::span<const std::uint8_t> labels,
                                                    std::span<const double> probabilities,
                                                    const CampaignTerms& terms) {
  if (auto checked = check_terms(terms); !checked) return std::move(checked).error();
  auto ranking = rank(labels, probabilities);
  if (!ranking) return std::move(ranking).error();
  const double gain =
      terms.mean_acceptance() * (terms.value - terms.offer_cost) - terms.contact_cost;
  const double loss = terms.offer_cost + terms.contact_cost;
  std::vector<ProfitPoint> curve;
  curve.reserve(ranking->cuts.size());
  for (const Cut& cut : ranking->cuts)
    curve.push_back({.threshold = cut.threshold,
                     .contacted = (cut.positives + cut.negatives) / ranking->rows(),
                     .reached = cut.positives / ranking->positives(),
                     .profit = (gain * cut.positives - loss * cut.negatives) / ranking->rows()});
  return curve;
}

core::Result<ProfitPoint> maximum_profit(std::span<const std::uint8_t> labels,
                                         std::span<const double> probabilities,
                                         const CampaignTerms& terms) {
  auto curve = profit_curve(labels, probabilities, terms);
  if (!curve) return std::move(curve).error();
  return *std::max_element(curve->begin(), curve->end(),
                           [](const auto& a, const auto& b) { return a.profit < b.profit; });
}

core::Result<ExpectedMaximumProfit> expected_maximum_profit(std::span<const std::uint8_t> labels,
                                                            std::span<const double> probabilities,
                                                            const CampaignTerms& terms) {
  if (auto checked = check_terms(terms); !checked) return std::move(checked).error();
  auto ranking = rank(labels, probabilities);
  if (!ranking) return std::move(ranking).error();
  const double positive_rate = ranking->positives() / ranking->rows();
  const double negative_rate = ranking->negatives() / ranking->rows();
  const double delta = terms.offer_cost / terms.value;
  const double phi = terms.contact_cost / terms.value;

  ExpectedMaximumProfit result;
  for (const std::size_t at : upper_hull(*ranking)) {
    HullCorner corner;
    corner.false_positive_rate = ranking->cuts[at].negatives / ranking->negatives();
    corner.true_positive_rate = ranking->cuts[at].positives / ranking->positives();
    if (!result.corners.empty()) {
      const HullCorner& last = result.corners.back();
      const double step_false = corner.false_positive_rate - last.false_positive_rate;
      const double step_true = corner.true_positive_rate - last.true_positive_rate;
      corner.acceptance_from =
          step_true == 0
              ? kInfinity
              : (negative_rate * (delta + phi) * step_false + positive_rate * phi * step_true) /
                    (positive_rate * (1 - delta) * step_true);
    }
    if (corner.acceptance_from >= 1) break;  // and so it is for the corners that follow
    result.corners.push_back(corner);
  }

  const auto below = [&terms](double acceptance, double more) {
    return regularised_beta(acceptance, terms.alpha + more, terms.beta);
  };
  for (std::size_t i = 0; i < result.corners.size(); ++i) {
    const HullCorner& corner = result.corners[i];
    const double from = corner.acceptance_from;
    const double until =
        i + 1 < result.corners.size() ? result.corners[i + 1].acceptance_from : 1.0;
    const double weight = below(until, 0) - below(from, 0);
    const double acceptance = terms.mean_acceptance() * (below(until, 1) - below(from, 1));
    const double reached = positive_rate * corner.true_positive_rate;
    const double mistaken = negative_rate * corner.false_positive_rate;
    result.profit += terms.value * (1 - delta) * reached * acceptance -
                     terms.value * (phi * reached + (delta + phi) * mistaken) * weight;
    result.contacted += weight * (reached + mistaken);
  }
  return result;
}

}  // namespace tenure::decision
