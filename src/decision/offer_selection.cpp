#include "decision/offer_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace tenure::decision {

core::Result<OfferSelection> OfferSelection::within(double budget) {
  if (!(budget >= 0))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("the budget is {}; expected 0 or more", budget)};
  return OfferSelection(budget);
}

void OfferSelection::reserve(std::size_t customers) {
  steps_.reserve(customers);
}

core::Result<> OfferSelection::add(std::span<const OfferCandidate> candidates) {
  const auto invalid = [this](std::string what) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("customer {}: {}", customers_, what)};
  };
  if (customers_ == std::numeric_limits<std::uint32_t>::max())
    return core::Error{core::ErrorCode::kResourceExhausted, "too many customers"};
  if (candidates.size() > kCandidatesMax)
    return invalid(
        fmt::format("{} candidates; at most {} are allowed", candidates.size(), kCandidatesMax));
  useful_.clear();
  for (const OfferCandidate& candidate : candidates) {
    if (candidate.offer == kNoOffer)
      return invalid(fmt::format("{} is no offer's number", kNoOffer));
    if (!std::isfinite(candidate.value) || !std::isfinite(candidate.cost) || candidate.cost < 0)
      return invalid(
          fmt::format("offer {} has value {} and cost {}; expected finite numbers, the "
                      "cost 0 or more",
                      candidate.offer, candidate.value, candidate.cost));
    if (candidate.value > 0 && candidate.cost <= budget_) useful_.push_back(candidate);
  }
  const std::uint32_t customer = customers_++;
  note_single(customer);
  add_frontier(customer);
  return {};
}

void OfferSelection::note_single(std::uint32_t customer) {
  for (const OfferCandidate& candidate : useful_) {
    if (candidate.value <= single_.value) continue;
    single_ = candidate;
    single_customer_ = customer;
  }
}

void OfferSelection::add_frontier(std::uint32_t customer) {
  // Cheapest first; of equally cheap ones the most valuable, then the lowest number.
  std::sort(useful_.begin(), useful_.end(), [](const auto& a, const auto& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    return a.value != b.value ? a.value > b.value : a.offer < b.offer;
  });
  // The upper convex hull from (0, 0), built in the front of `useful_`: each step has a lower rate
  // than the one before it.
  std::size_t corners = 0;
  const auto corner = [&](std::size_t count) {
    return count == 0 ? OfferCandidate{.offer = kNoOffer} : useful_[count - 1];
  };
  const auto rate = [](const OfferCandidate& from, const OfferCandidate& to) {
    return (to.value - from.value) / (to.cost - from.cost);
  };
  for (const OfferCandidate candidate : useful_) {
    if (candidate.value <= corner(corners).value) continue;  // dearer, and worth no more
    while (corners > 0 &&
           rate(corner(corners - 1), candidate) >= rate(corner(corners - 1), corner(corners)))
      --corners;
    useful_[corners++] = candidate;
  }
  for (std::size_t i = 0; i < corners; ++i) {
    const OfferCandidate from = corner(i);
    const OfferCandidate to = corner(i + 1);
    steps_.push_back({.value = to.value - from.value,
                      .cost = to.cost - from.cost,
                      .customer = customer,
                      .before = from.offer,
                      .offer = to.offer});
  }
}

OfferSelection::Selection OfferSelection::select_single() const {
  Selection selection;
  selection.offers.assign(customers_, kNoOffer);
  if (single_.offer == kNoOffer) return selection;
  selection.offers[single_customer_] = single_.offer;
  selection.chosen = 1;
  selection.value = single_.value;
  selection.cost = single_.cost;
  return selection;
}

OfferSelection::Selection OfferSelection::select() && {
  std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
    const double rate_a = a.rate();
    const double rate_b = b.rate();
    if (rate_a != rate_b) return rate_a > rate_b;
    if (a.customer != b.customer) return a.customer < b.customer;
    return a.offer < b.offer;
  });
  Selection greedy;
  greedy.offers.assign(customers_, kNoOffer);
  bool is_split = false;  // the linear relaxation has met the step that fits in part only
  for (const Step& step : steps_) {
    std::uint16_t& offer = greedy.offers[step.customer];
    // A step leads on from the one before it; when that did not fit, neither does this.
    const bool fits = offer == step.before && greedy.cost + step.cost <= budget_;
    if (!fits && !is_split) {
      greedy.bound = greedy.value + step.value * (budget_ - greedy.cost) / step.cost;
      is_split = true;
    }
    if (!fits) continue;
    greedy.chosen += offer == kNoOffer ? 1 : 0;
    offer = step.offer;
    greedy.value += step.value;
    greedy.cost += step.cost;
  }
  if (!is_split) greedy.bound = greedy.value;
  if (greedy.value >= single_.value) return greedy;
  Selection single = select_single();
  single.bound = greedy.bound;
  return single;
}

}  // namespace tenure::decision
