// How the curves of calibration.h are fitted.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <Eigen/Dense>
#include <fmt/format.h>

#include "learn/calibration.h"

namespace tenure::learn {
namespace {

using Labels = std::span<const std::uint8_t>;
using Numbers = std::span<const double>;

core::Error invalid(std::string message) {
  return {core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Error falling() {
  return invalid("the scores rank the classes the wrong way round, so no rising curve fits them");
}

/// How many labels are positive, after all that can be wrong with the rows was looked for.
core::Result<double> checked_positives(Labels labels, Numbers numbers) {
  if (labels.size() != numbers.size())
    return invalid(fmt::format("{} labels, but {} scores", labels.size(), numbers.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!std::isfinite(numbers[i]))
      return invalid(fmt::format("the score of row {} is not a finite number", i));
  const auto positives = std::count_if(labels.begin(), labels.end(), [](auto y) { return y != 0; });
  if (positives == 0 || positives == static_cast<std::ptrdiff_t>(labels.size()))
    return invalid(fmt::format("all {} labels are {}: calibration needs both classes",
                               labels.size(), positives == 0 ? 0 : 1));
  return static_cast<double>(positives);
}

/// ln(1 + e^z) - t z without overflow.
double logistic_loss(double z, double target) {
  return std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z))) - target * z;
}

template <int kTerms>
using Terms = Eigen::Matrix<double, kTerms, 1>;

/// Maximum-likelihood weights of a logistic regression on `kTerms` terms a row, by Newton's method
/// with halved steps. Errors: kInvalidArgument when the likelihood has no maximum.
template <int kTerms, typename TermsOf, typename TargetOf>
core::Result<Terms<kTerms>> fit_logistic(std::size_t rows, const TermsOf& terms_of,
                                         const TargetOf& target_of) {
  constexpr int kStepsMax = 100;
  constexpr int kHalvingsMax = 40;
  using Square = Eigen::Matrix<double, kTerms, kTerms>;
  const auto loss_of = [&](const Terms<kTerms>& weights) {
    double loss = 0;
    for (std::size_t i = 0; i < rows; ++i)
      loss += logistic_loss(weights.dot(terms_of(i)), target_of(i));
    return loss;
  };
  Terms<kTerms> weights = Terms<kTerms>::Zero();
  double loss = loss_of(weights);
  for (int step = 0; step < kStepsMax; ++step) {
    Terms<kTerms> gradient = Terms<kTerms>::Zero();
    Square hessian = Square::Identity() * 1e-12;  // two terms may be the same on these rows
    for (std::size_t i = 0; i < rows; ++i) {
      const Terms<kTerms> terms = terms_of(i);
      const double p = 1 / (1 + std::exp(-weights.dot(terms)));
      gradient += (p - target_of(i)) * terms;
      hessian += p * (1 - p) * terms * terms.transpose();
    }
    const Terms<kTerms> change = hessian.ldlt().solve(gradient);
    if (!change.allFinite()) break;
    const double size = change.cwiseAbs().maxCoeff() / (1 + weights.cwiseAbs().maxCoeff());
    double part = 1;
    Terms<kTerms> next = weights - change;
    double next_loss = loss_of(next);
    // Near the end rounding hides whether the loss still falls; the step is then taken as it is.
    const double rounding = 1e-12 * loss;
    for (int i = 0; i < kHalvingsMax && size > 1e-8 && !(next_loss <= loss + rounding); ++i) {
      part /= 2;
      next = weights - part * change;
      next_loss = loss_of(next);
    }
    weights = next;
    loss = next_loss;
    if (loss < 1e-9 * static_cast<double>(rows)) break;  // the classes lie apart
    // The step was taken, and Newton's next one would be its square: below all rounding.
    if (size < 1e-10) return weights;
    if (step + 1 == kStepsMax && size < 1e-9) return weights;
  }
  return invalid("the classes do not overlap, so the curve that fits best is a step");
}

}  // namespace

core::Result<PlattCurve> fit_platt(Labels labels, Numbers scores) {
  const auto positives = checked_positives(labels, scores);
  if (!positives) return positives.error();
  const double negatives = static_cast<double>(labels.size()) - *positives;
  const double high = (*positives + 1) / (*positives + 2);
  const double low = 1 / (negatives + 2);
  const auto fitted = fit_logistic<2>(
      labels.size(), [&](std::size_t i) { return Terms<2>(scores[i], 1); },
      [&](std::size_t i) { return labels[i] != 0 ? high : low; });
  if (!fitted) return fitted.error();
  if ((*fitted)[0] < 0) return falling();
  return PlattCurve{.a = -(*fitted)[0], .b = -(*fitted)[1]};
}

core::Result<BetaCurve> fit_beta(Labels labels, Numbers probabilities) {
  if (auto checked = checked_positives(labels, probabilities); !checked) return checked.error();
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (!(probabilities[i] > 0 && probabilities[i] < 1))
      return invalid(fmt::format("the probability of row {} is {}; expected one between 0 and 1", i,
                                 probabilities[i]));
  const auto target = [&](std::size_t i) { return labels[i] != 0 ? 1.0 : 0.0; };
  const auto rises = [&](std::size_t i) { return std::log(probabilities[i]); };
  const auto falls = [&](std::size_t i) { return -std::log1p(-probabilities[i]); };
  const auto both = fit_logistic<3>(
      labels.size(), [&](std::size_t i) { return Terms<3>(rises(i), falls(i), 1); }, target);
  if (!both) return both.error();
  const Terms<3>& w = *both;
  if (w[0] >= 0 && w[1] >= 0) return BetaCurve{.a = w[0], .b = w[1], .c = w[2]};
  if (w[0] < 0 && w[1] < 0) return falling();
  // With a weight below 0 the curve would bend back; as the paper does, that term is left out.
  const bool keeps_first = w[0] >= 0;
  const auto one = fit_logistic<2>(
      labels.size(), [&](std::size_t i) { return Terms<2>(keeps_first ? rises(i) : falls(i), 1); },
      target);
  if (!one) return one.error();
  if ((*one)[0] < 0) return falling();
  return BetaCurve{
      .a = keeps_first ? (*one)[0] : 0, .b = keeps_first ? 0 : (*one)[0], .c = (*one)[1]};
}

core::Result<IsotonicCurve> fit_isotonic(Labels labels, Numbers scores) {
  if (auto checked = checked_positives(labels, scores); !checked) return checked.error();
  std::vector<std::uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return scores[a] < scores[b]; });
  struct Block {
    double first = 0, last = 0;  ///< scores
    double positives = 0, rows = 0;
    double mean() const { return positives / rows; }
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < order.size();) {
    Block block{.first = scores[order[i]], .last = scores[order[i]]};
    for (; i < order.size() && scores[order[i]] == block.first; ++i) {
      block.positives += labels[order[i]] != 0 ? 1 : 0;
      block.rows += 1;
    }
    // A block that is not above the one before it is pooled with it.
    while (!blocks.empty() && blocks.back().mean() >= block.mean()) {
      block.first = blocks.back().first;
      block.positives += blocks.back().positives;
      block.rows += blocks.back().rows;
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  IsotonicCurve curve;
  for (const Block& block : blocks) {
    for (const double x : {block.first, block.last}) {
      if (!curve.x.empty() && curve.x.back() == x) continue;
      curve.x.push_back(x);
      curve.y.push_back(block.mean());
    }
  }
  return curve;
}

}  // namespace tenure::learn
