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
#include "decision/control_group.h"
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
    kValueMissing,       ///< what the customer is worth is not known
    kNoProbability,      ///< the probability is no number
    kNearThreshold,      ///< within decision.review_band of it
    kUncertain,          ///< the caller says that the probability is not to be trusted
    kContactedRecently,  ///< decision.contact_cap_days have not passed
    kControlGroup,       ///< would get an offer, or go to a person, and is left alone to compare
  };
  static constexpr std::uint16_t kNoOffer = OfferSelection::kNoOffer;

  Action action = Action::kNone;
  Why why = Why::kNoProbability;
  bool is_positive = false;        ///< the probability has reached the threshold
  bool is_control = false;         ///< belongs to the control group, whatever was decided
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
    /// As the customer is always called: who is in the control group depends on it. Empty = nobody.
    std::string_view id = {};
  };

  /// Allocates nothing, never fails.
  Decision decide(const Customer& customer) const noexcept;

  /// Decision::is_positive of such a customer, for whom only the inputs that this reads are given.
  bool is_positive(std::span<const data::Cell> cells, double probability) const noexcept {
    return decide({.cells = cells, .probability = probability}).is_positive;
  }
  bool reads(std::size_t input) const;  ///< whether an expression has that input

  /// What OfferSelection needs to share out a budget: each offer that pays, with its expected
  /// profit and cost. None where decide() would not make an offer. `out` has room for offers().
  /// Returns how many were written.
  std::size_t candidates(const Customer& customer, std::span<OfferCandidate> out) const noexcept;

  /// For looking back: what contacting a customer would have brought, with the offer that was
  /// expected to bring most, now that it is known whether they left; a mean over whether the offer
  /// is taken. Nothing for a customer whom nobody may contact or who is eligible for no offer. The
  /// threshold, the review band and the control group play no part.
  std::optional<double> profit_of_outcome(const Customer& customer, bool has_left) const noexcept;

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
  double budget() const { return budget_; }           ///< of one campaign; infinite = no limit
  std::size_t capacity() const { return capacity_; }  ///< offers of one campaign; 0 = no limit
  const ControlGroup& control_group() const { return control_group_; }

 private:
  core::Result<> read_offers(const core::Config& config, const Vocabulary& vocabulary);
  double value_of(const Customer& customer) const noexcept;
  /// The terms of an offer for a customer, or nothing when it is not for them.
  std::optional<OfferTerms> terms_of(const Offer& offer, const Expression::Row& row,
                                     double value) const noexcept;
  bool may_contact(const Expression::Row& row) const noexcept;
  bool is_contacted_recently(const Expression::Row& row) const noexcept;
  void settle(const Customer& customer, const Expression::Row& row,
              Decision& decision) const noexcept;

  Threshold threshold_;  ///< never kPrior: that has become a number
  double contact_cost_ = 0;
  double review_band_ = 0;
  double budget_ = 0;
  std::optional<Expression> value_;
  std::optional<Expression> do_not_contact_;
  double contact_cap_days_ = 0;
  std::optional<Expression> days_since_contact_;
  ControlGroup control_group_;
  std::size_t capacity_ = 0;
  std::vector<Offer> offers_;
};

}  // namespace tenure::decision
