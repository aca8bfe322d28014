#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "data/cell.h"
#include "decision/expression.h"
#include "decision/offer_selection.h"
#include "decision/profit.h"
#include "decision/threshold.h"

namespace tenure::decision {

/// What to do about one customer.
struct Decision {
  enum class Action : std::uint8_t {
    kNone,
    kOffer,
    kReview,  ///< a person decides; nothing is spent by itself
  };
  enum class Why : std::uint8_t {
    kWorthwhile,      ///< the offer is expected to pay
    kBelowThreshold,  ///< too unlikely to leave
    kNotWorthwhile,   ///< likely to leave, but no offer is expected to pay
    kNoOffer,         ///< there is none, or the customer is eligible for none
    kDoNotContact,
    kValueMissing,   ///< what the customer is worth is not known
    kNoProbability,  ///< the probability is no number
    kNearThreshold,  ///< within decision.review_band of it
    kUncertain,      ///< the caller says that the probability is not to be trusted
  };
  static constexpr std::uint16_t kNoOffer = OfferSelection::kNoOffer;

  Action action = Action::kNone;
  Why why = Why::kNoProbability;
  bool is_positive = false;        ///< the probability has reached the threshold
  std::uint16_t offer = kNoOffer;  ///< the best one: made (kOffer) or proposed (kReview)
  double expected_profit = 0;      ///< of that offer
  double threshold = 0;  ///< for this customer; infinite when nothing could ever be worthwhile
  double value = 0;      ///< of this customer; NaN when it is not known
};

std::string_view why_name(Decision::Why why);  ///< "worthwhile", "below_threshold", ...

/// Turns a probability into an action under costs, offers and limits: section `decision` of
/// tenure.yaml. Offers are compared by expected profit (decision/profit.h); expressions may use
/// the inputs, `probability`, and, save in decision.value, `value`. Immutable; thread-safe.
class Policy {
 public:
  static constexpr std::size_t kOffersMax = 256;

  /// `inputs` are the columns of the rows to come, in their order; `prior` is the share of
  /// positives among the training rows. Errors: kInvalidArgument with line and key, for an
  /// expression that does not compile, a constant out of its range, or offers without a value;
  /// kResourceExhausted over kOffersMax.
  static core::Result<Policy> from_config(const core::Config& config,
                                          std::span<const Vocabulary::Feature> inputs,
                                          double prior);

  struct Customer {
    std::span<const data::Cell> cells;
    double probability = 0;  ///< calibrated, of the positive class
    /// A fallback answered, or the conformal set holds both classes: no money without a person.
    bool is_uncertain = false;
  };

  /// Allocates nothing, never fails.
  Decision decide(const Customer& customer) const noexcept;

  /// What OfferSelection needs to share out a budget: each offer that pays, with its expected
  /// profit and cost. None where decide() would not make an offer. `out` has room for offers().
  /// Returns how many were written.
  std::size_t candidates(const Customer& customer, std::span<OfferCandidate> out) const noexcept;

  struct Offer {
    std::string name;
    std::string label;
    Expression cost;
    Expression acceptance;
    Expression eligible;
  };
  std::span<const Offer> offers() const { return offers_; }
  /// "none", "review" or the offer's name.
  std::string_view action_name(const Decision& decision) const;
  double budget() const { return budget_; }  ///< of one campaign; infinite = no limit

 private:
  core::Result<> read_offers(const core::Config& config, const Vocabulary& vocabulary);
  double value_of(const Customer& customer) const noexcept;
  /// The terms of an offer for a customer, or nothing when it is not for them.
  std::optional<OfferTerms> terms_of(const Offer& offer, const Expression::Row& row,
                                     double value) const noexcept;
  bool may_contact(const Expression::Row& row) const noexcept;
  void settle(const Customer& customer, bool is_contact_allowed, Decision& decision) const noexcept;

  Threshold threshold_;  ///< never kPrior: that has become a number
  double contact_cost_ = 0;
  double review_band_ = 0;
  double budget_ = 0;
  std::optional<Expression> value_;
  std::optional<Expression> do_not_contact_;
  std::vector<Offer> offers_;
};

}  // namespace tenure::decision
