#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace tenure::decision {

/// One thing that could be done for a customer.
struct OfferCandidate {
  std::uint16_t offer = 0;  ///< the caller's number, below OfferSelection::kNoOffer
  double value = 0;         ///< expected profit
  double cost = 0;          ///< what it takes from the budget
};

/// Chooses who gets which offer, at most one each, for the most value within a budget: a
/// multiple-choice knapsack. Greedy over the steps of each customer's efficient frontier, best
/// value per cost first, skipping what does not fit; or the single most valuable offer where that
/// is worth more. Never below half of the optimum, and within one step of it in practice.
///
/// Usage: add() once a customer, in order, then select(). Deterministic: equal steps go by the
/// order of the customers. Memory: 24 bytes a step and two a customer, so ten million customers
/// with two useful offers each take half a gigabyte. One thread.
class OfferSelection {
 public:
  static constexpr std::uint16_t kNoOffer = 0xFFFF;
  static constexpr std::size_t kCandidatesMax = 1024;  ///< of one customer

  /// `budget` bounds the sum of costs; infinity is no bound.
  /// Errors: kInvalidArgument when it is negative or NaN.
  static core::Result<OfferSelection> within(double budget);

  /// Room for so many customers, to spare the copies of growing.
  void reserve(std::size_t customers);

  /// The next customer's possibilities, in any order; what is worth nothing, or costs more than
  /// the budget, is left out. Errors: kInvalidArgument for a negative cost, a number that is not
  /// finite, an offer numbered kNoOffer or too many candidates; kResourceExhausted beyond 2^32 - 1
  /// customers. An error leaves the selection as it was.
  core::Result<> add(std::span<const OfferCandidate> candidates);

  struct Selection {
    std::vector<std::uint16_t> offers;  ///< one a customer, in the order of add()
    std::size_t chosen = 0;             ///< customers with an offer
    double value = 0;
    double cost = 0;
    double bound = 0;  ///< no selection has more value (linear relaxation)
  };
  /// Cost: O(n log n) for n steps.
  Selection select() &&;

 private:
  /// From one point of a customer's frontier to the next. A point is an offer; the frontier starts
  /// with none.
  struct Step {
    double value = 0;  ///< gained over the point before
    double cost = 0;
    std::uint32_t customer = 0;
    std::uint16_t before = kNoOffer;
    std::uint16_t offer = kNoOffer;
    double rate() const { return value / cost; }  ///< infinite when it costs nothing
  };

  explicit OfferSelection(double budget) : budget_(budget) {}
  void add_frontier(std::uint32_t customer);
  void note_single(std::uint32_t customer);
  Selection select_single() const;

  double budget_ = 0;
  std::uint32_t customers_ = 0;
  std::vector<Step> steps_;
  std::vector<OfferCandidate> useful_;  ///< scratch of add()
  OfferCandidate single_{.offer = kNoOffer};
  std::uint32_t single_customer_ = 0;
};

}  // namespace tenure::decision
