#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "core/result.h"
#include "decision/offer_selection.h"

namespace tenure::decision {

/// What a campaign may spend, and how many customers its people can serve.
struct CampaignLimits {
  double budget = std::numeric_limits<double>::infinity();
  std::size_t capacity = std::numeric_limits<std::size_t>::max();
};

/// OfferSelection with a second limit: at most `capacity` customers get an offer. A price on each
/// contact, found by bisection, stands for the capacity (Lagrangian relaxation): at the right price
/// no more customers are worth it than can be served. What is chosen is the best of all selections
/// seen that keep to both limits; the bound holds at every price, and the lowest is given. Usage
/// and errors as OfferSelection. Memory, when there is a capacity: 24 bytes a candidate besides.
class CampaignSelection {
 public:
  static core::Result<CampaignSelection> within(const CampaignLimits& limits);

  core::Result<> add(std::span<const OfferCandidate> candidates);

  /// Cost: with a capacity that binds, some forty times that of OfferSelection.
  OfferSelection::Selection select() &&;

 private:
  CampaignSelection(const CampaignLimits& limits, OfferSelection unpriced)
      : limits_(limits), unpriced_(std::move(unpriced)) {}
  bool has_capacity() const { return limits_.capacity != std::numeric_limits<std::size_t>::max(); }
  std::span<const OfferCandidate> candidates_of(std::size_t customer) const;
  OfferSelection::Selection select_at(double price) const;
  void settle(OfferSelection::Selection& selection) const;

  CampaignLimits limits_;
  OfferSelection unpriced_;
  std::vector<OfferCandidate> candidates_;  ///< of all customers; empty without a capacity
  std::vector<std::size_t> ends_;           ///< by customer, where its candidates end
};

}  // namespace tenure::decision
