#include "decision/campaign_selection.h"

#include <algorithm>
#include <utility>

#include "core/assert.h"

namespace tenure::decision {

using Selection = OfferSelection::Selection;

core::Result<CampaignSelection> CampaignSelection::within(const CampaignLimits& limits) {
  auto unpriced = OfferSelection::within(limits.budget);
  if (!unpriced) return std::move(unpriced).error();
  return CampaignSelection(limits, *std::move(unpriced));
}

core::Result<> CampaignSelection::add(std::span<const OfferCandidate> candidates) {
  if (auto added = unpriced_.add(candidates); !added) return added;
  if (!has_capacity()) return {};
  for (const OfferCandidate& candidate : candidates)
    if (candidate.value > 0 && candidate.cost <= limits_.budget) candidates_.push_back(candidate);
  ends_.push_back(candidates_.size());
  return {};
}

std::span<const OfferCandidate> CampaignSelection::candidates_of(std::size_t customer) const {
  const std::size_t begin = customer == 0 ? 0 : ends_[customer - 1];
  return std::span(candidates_).subspan(begin, ends_[customer] - begin);
}

/// The selection when every contact costs `price` more in value; its bound is for the prices paid.
Selection CampaignSelection::select_at(double price) const {
  auto priced = OfferSelection::within(limits_.budget);
  TENURE_ASSERT(priced.has_value());
  priced->reserve(candidates_.size());
  std::vector<OfferCandidate> worth;
  for (std::size_t customer = 0; customer < ends_.size(); ++customer) {
    const auto all = candidates_of(customer);
    worth.assign(all.begin(), all.end());
    for (OfferCandidate& candidate : worth) candidate.value -= price;
    const auto added = priced->add(worth);
    TENURE_ASSERT(added.has_value());  // these numbers were added before
  }
  return std::move(*priced).select();
}

/// Keeps the most valuable of too many, and counts what the selection is worth without prices.
void CampaignSelection::settle(Selection& selection) const {
  struct Chosen {
    std::size_t customer = 0;
    OfferCandidate candidate;
  };
  std::vector<Chosen> chosen;
  for (std::size_t i = 0; i < selection.offers.size(); ++i) {
    if (selection.offers[i] == OfferSelection::kNoOffer) continue;
    const auto all = candidates_of(i);
    const auto found = std::ranges::find(all, selection.offers[i], &OfferCandidate::offer);
    chosen.push_back({i, *found});
  }
  std::ranges::stable_sort(chosen, std::ranges::greater(),
                           [](const Chosen& each) { return each.candidate.value; });
  for (std::size_t i = limits_.capacity; i < chosen.size(); ++i)
    selection.offers[chosen[i].customer] = OfferSelection::kNoOffer;
  chosen.resize(std::min(chosen.size(), limits_.capacity));
  selection.chosen = chosen.size();
  selection.value = selection.cost = 0;
  for (const Chosen& each : chosen) {
    selection.value += each.candidate.value;
    selection.cost += each.candidate.cost;
  }
}

Selection CampaignSelection::select() && {
  Selection best = std::move(unpriced_).select();
  if (!has_capacity() || best.chosen <= limits_.capacity) return best;
  double bound = best.bound;
  settle(best);
  double low = 0;
  double high = 0;
  for (const OfferCandidate& candidate : candidates_) high = std::max(high, candidate.value);
  constexpr int kSteps = 40;
  for (int step = 0; step < kSteps; ++step) {
    const double price = low + (high - low) / 2;
    Selection priced = select_at(price);
    bound = std::min(bound, priced.bound + price * static_cast<double>(limits_.capacity));
    (priced.chosen > limits_.capacity ? low : high) = price;
    settle(priced);
    if (priced.value > best.value) best = std::move(priced);
  }
  best.bound = std::max(bound, best.value);  // equal but for rounding
  return best;
}

}  // namespace tenure::decision
