#include "decision/profit_band.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/random.h"

namespace tenure::decision {
namespace {

constexpr double kLow = 0.05;
constexpr double kHigh = 0.95;

core::Result<> check(std::span<const double> profits, std::span<const double> probabilities,
                     const ProfitBandOptions& options) {
  const auto invalid = [](std::string what) {
    return core::Error{core::ErrorCode::kInvalidArgument, std::move(what)};
  };
  if (profits.empty()) return invalid("a profit curve needs rows");
  if (profits.size() != probabilities.size())
    return invalid(
        fmt::format("{} profits for {} probabilities", profits.size(), probabilities.size()));
  if (options.steps == 0 || options.samples == 0)
    return invalid("a profit curve needs a step and a sample");
  for (std::size_t i = 0; i < profits.size(); ++i)
    if (!std::isfinite(profits[i]) || !std::isfinite(probabilities[i]))
      return invalid(fmt::format("row {}: profit {} at probability {}; expected finite numbers", i,
                                 profits[i], probabilities[i]));
  return {};
}

/// The value that a share of the sorted values lies below, between neighbours.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

/// Rows that share of all, rounded to the nearest.
std::size_t rows_of(std::size_t step, std::size_t steps, std::size_t rows) {
  return (2 * step * rows + steps) / (2 * steps);
}

}  // namespace

core::Result<ProfitBand> profit_band(std::span<const double> profits,
                                     std::span<const double> probabilities,
                                     const ProfitBandOptions& options) {
  if (auto checked = check(profits, probabilities, options); !checked)
    return std::move(checked).error();
  const std::size_t n = profits.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t row) { return probabilities[row]; });

  ProfitBand band;
  double sum = 0;
  std::size_t taken = 0;
  for (std::size_t step = 0; step <= options.steps; ++step) {
    const std::size_t until = rows_of(step, options.steps, n);
    for (; taken < until; ++taken) sum += profits[order[taken]];
    band.points.push_back({.share = static_cast<double>(until) / static_cast<double>(n),
                           .threshold = until == 0 ? std::numeric_limits<double>::infinity()
                                                   : probabilities[order[until - 1]],
                           .profit = sum / static_cast<double>(n)});
    if (band.points.back().profit > band.points[band.best].profit) band.best = step;
  }

  core::Random random(options.seed);
  std::vector<std::uint32_t> times(n);
  std::vector<std::vector<double>> seen(options.steps + 1);
  for (std::size_t sample = 0; sample < options.samples; ++sample) {
    std::ranges::fill(times, 0U);
    for (std::size_t i = 0; i < n; ++i) ++times[random.below(n)];
    double profit = 0;
    std::size_t rows = 0;
    std::size_t step = 0;
    for (std::size_t place = 0; place < n; ++place) {
      // A row drawn several times may lie on both sides of a cut.
      for (std::uint32_t k = 0; k < times[place]; ++k) {
        while (step <= options.steps && rows == rows_of(step, options.steps, n))
          seen[step++].push_back(profit / static_cast<double>(n));
        profit += profits[order[place]];
        ++rows;
      }
    }
    while (step <= options.steps) seen[step++].push_back(profit / static_cast<double>(n));
  }
  for (std::size_t step = 0; step <= options.steps; ++step) {
    std::ranges::sort(seen[step]);
    band.points[step].low = quantile(seen[step], kLow);
    band.points[step].high = quantile(seen[step], kHigh);
  }
  return band;
}

}  // namespace tenure::decision
