#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace tenure::decision {

/// What it costs to make one customer an offer, and what it may bring. Any one currency.
struct OfferTerms {
  double contact_cost = 1;  ///< paid for everyone who is contacted
  double offer_cost = 10;   ///< paid when the offer is taken; a customer who would stay takes it
  double acceptance = 0.3;  ///< probability that it keeps a customer who would leave
  double value = 200;       ///< of a customer who stays
};

/// Profit of contacting a customer who leaves with that probability, against leaving them alone.
double expected_profit(const OfferTerms& terms, double probability) noexcept;

/// What contacting that customer costs on average: the contact, and the offer if it is taken.
double expected_cost(const OfferTerms& terms, double probability) noexcept;

/// The probability above which contacting pays:
/// (offer + contact) / (acceptance * (value - offer) + offer). Above 1, or infinite: never.
double break_even(const OfferTerms& terms) noexcept;

/// A campaign over many customers whose acceptance is not known but as Beta(alpha, beta).
struct CampaignTerms {
  double value = 200;
  double offer_cost = 10;
  double contact_cost = 1;
  double alpha = 6;
  double beta = 14;
  double mean_acceptance() const { return alpha / (alpha + beta); }
};

/// How the profit of a campaign follows from where the scores are cut.
struct ProfitPoint {
  double threshold = 0;  ///< all with a probability of at least this are contacted
  double contacted = 0;  ///< share of all customers
  double reached = 0;    ///< share of those who leave (true positive rate)
  double profit = 0;     ///< per customer of the base, at the mean acceptance
};

// For all below: `labels` (1 = left) and `probabilities` have equal length. Customers of equal
// probability are contacted together. Errors: kInvalidArgument when the lengths differ, a
// probability is NaN, one class only is present, or the terms make no sense (negative costs, an
// offer that costs as much as a customer is worth, alpha or beta not above 0).

/// From nobody (threshold infinity) to everybody, one point a distinct probability.
core::Result<std::vector<ProfitPoint>> profit_curve(std::span<const std::uint8_t> labels,
                                                    std::span<const double> probabilities,
                                                    const CampaignTerms& terms);

/// MPC: the first point of the curve with the highest profit.
core::Result<ProfitPoint> maximum_profit(std::span<const std::uint8_t> labels,
                                         std::span<const double> probabilities,
                                         const CampaignTerms& terms);

/// A corner of the upper convex hull of the ROC curve, and the acceptance from which on cutting
/// there is best (up to that of the next corner, or 1).
struct HullCorner {
  double false_positive_rate = 0;
  double true_positive_rate = 0;
  double acceptance_from = 0;
};

/// EMPC: profit per customer when for each possible acceptance the best cut is chosen.
struct ExpectedMaximumProfit {
  double profit = 0;
  double contacted = 0;             ///< share of all customers, on average over acceptances
  std::vector<HullCorner> corners;  ///< those that are best for some acceptance below 1
};

/// Source: Verbraken, Verbeke, Baesens: "A novel profit maximizing metric for measuring
/// classification performance of customer churn prediction models", 2013.
/// Cost: O(n log n).
core::Result<ExpectedMaximumProfit> expected_maximum_profit(std::span<const std::uint8_t> labels,
                                                            std::span<const double> probabilities,
                                                            const CampaignTerms& terms);

}  // namespace tenure::decision
