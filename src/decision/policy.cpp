#include "decision/policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/assert.h"
#include "decision/config_expression.h"

namespace tenure::decision {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The order of the variables in the vocabulary of every expression but decision.value.
constexpr std::size_t kVariables = 2;
std::array<double, kVariables> variables_of(double probability, double value) {
  return {probability, value};
}

}  // namespace

std::string_view why_name(Decision::Why why) {
  switch (why) {
    case Decision::Why::kWorthwhile:
      return "worthwhile";
    case Decision::Why::kBelowThreshold:
      return "below_threshold";
    case Decision::Why::kNotWorthwhile:
      return "not_worthwhile";
    case Decision::Why::kNoOffer:
      return "no_offer";
    case Decision::Why::kDoNotContact:
      return "do_not_contact";
    case Decision::Why::kValueMissing:
      return "value_missing";
    case Decision::Why::kNoProbability:
      return "no_probability";
    case Decision::Why::kNearThreshold:
      return "near_threshold";
    case Decision::Why::kUncertain:
      return "uncertain";
    case Decision::Why::kContactedRecently:
      return "contacted_recently";
    case Decision::Why::kControlGroup:
      break;
  }
  return "control_group";
}

core::Result<Policy> Policy::from_config(const core::Config& config,
                                         std::span<const Vocabulary::Feature> inputs,
                                         double prior) {
  const core::Config section = config.at("decision");
  Policy policy;
  auto threshold = Threshold::from_config(config);
  if (!threshold) return std::move(threshold).error();
  policy.threshold_ = *threshold;
  if (threshold->kind == Threshold::Kind::kPrior)
    policy.threshold_ = {.kind = Threshold::Kind::kFixed, .value = prior};
  policy.contact_cost_ = section.number("contact_cost");
  policy.review_band_ = section.number("review_band");
  const double budget = section.number("budget");
  policy.budget_ = budget > 0 ? budget : kInfinity;
  policy.capacity_ = static_cast<std::size_t>(section.integer("capacity"));
  policy.control_group_ = ControlGroup(section.number("control_share"), section.text("campaign"));

  Vocabulary vocabulary{.features = {inputs.begin(), inputs.end()}, .variables = {"probability"}};
  if (!section.text("value").empty()) {
    auto value = read_expression(section, "value", vocabulary, ValueType::kNumber);
    if (!value) return std::move(value).error();
    policy.value_ = *std::move(value);
  }
  vocabulary.variables.emplace_back("value");
  TENURE_ASSERT(vocabulary.variables.size() == kVariables);
  if (!section.text("do_not_contact").empty()) {
    auto who = read_expression(section, "do_not_contact", vocabulary, ValueType::kBoolean);
    if (!who) return std::move(who).error();
    policy.do_not_contact_ = *std::move(who);
  }
  policy.contact_cap_days_ = section.number("contact_cap_days");
  if (policy.contact_cap_days_ > 0) {
    auto days = read_expression(section, "days_since_contact", vocabulary, ValueType::kNumber);
    if (!days) return std::move(days).error();
    policy.days_since_contact_ = *std::move(days);
  }
  if (auto read = policy.read_offers(section, vocabulary); !read) return std::move(read).error();
  if (!policy.offers_.empty() && !policy.value_)
    return section.error_at("value",
                            "is not set; offers are weighed against what a customer is "
                            "worth, such as 12 * MonthlyCharges");
  if (policy.offers_.empty() && policy.threshold_.kind == Threshold::Kind::kProfit)
    return section.error_at("threshold",
                            "is 'profit', but decision.offers is empty; expected at least one "
                            "offer, or a number");
  return policy;
}

core::Result<> Policy::read_offers(const core::Config& section, const Vocabulary& vocabulary) {
  const core::Config offers = section.at("offers");
  for (const std::string& name : offers.names("")) {
    const core::Config entry = offers.entry(name);
    if (name == "none" || name == "review")
      return section.error_at("offers." + name,
                              "is the name of an action without an offer; choose another name");
    if (offers_.size() == kOffersMax)
      return core::Error{core::ErrorCode::kResourceExhausted,
                         fmt::format("decision.offers: more than {} offers", kOffersMax)};
    auto cost = read_number_expression(entry, "cost", vocabulary, {.low = 0, .high = 1e15});
    if (!cost) return std::move(cost).error();
    auto acceptance =
        read_number_expression(entry, "acceptance", vocabulary, {.low = 0, .high = 1});
    if (!acceptance) return std::move(acceptance).error();
    auto eligible = read_expression(entry, "eligible", vocabulary, ValueType::kBoolean);
    if (!eligible) return std::move(eligible).error();
    std::string label = entry.text("label");
    if (label.empty()) label = name;
    offers_.push_back({.name = name,
                       .label = std::move(label),
                       .cost = *std::move(cost),
                       .acceptance = *std::move(acceptance),
                       .eligible = *std::move(eligible)});
  }
  return {};
}

bool Policy::reads(std::size_t input) const {
  const auto has = [input](const std::optional<Expression>& expression) {
    return expression && expression->reads(input);
  };
  if (has(value_) || has(do_not_contact_) || has(days_since_contact_)) return true;
  return std::ranges::any_of(offers_, [input](const Offer& offer) {
    return offer.cost.reads(input) || offer.acceptance.reads(input) || offer.eligible.reads(input);
  });
}

double Policy::value_of(const Customer& customer) const noexcept {
  if (!value_) return std::numeric_limits<double>::quiet_NaN();
  return value_->number({customer.cells, std::span(&customer.probability, 1)});
}

std::optional<OfferTerms> Policy::terms_of(const Offer& offer, const Expression::Row& row,
                                           double value) const noexcept {
  if (!offer.eligible.is_true(row)) return std::nullopt;
  const double cost = offer.cost.number(row);
  const double acceptance = offer.acceptance.number(row);
  if (std::isnan(cost) || std::isnan(acceptance) || std::isnan(value)) return std::nullopt;
  return OfferTerms{.contact_cost = contact_cost_,
                    .offer_cost = std::max(cost, 0.0),
                    .acceptance = std::clamp(acceptance, 0.0, 1.0),
                    .value = value};
}

bool Policy::may_contact(const Expression::Row& row) const noexcept {
  // A wish that is not known counts as a refusal: a wrong contact cannot be taken back.
  return !do_not_contact_ || do_not_contact_->truth(row) == Expression::Truth::kFalse;
}

bool Policy::is_contacted_recently(const Expression::Row& row) const noexcept {
  // Missing means never: the column has no date for whoever was not contacted yet.
  return days_since_contact_ && days_since_contact_->number(row) < contact_cap_days_;
}

Decision Policy::decide(const Customer& customer) const noexcept {
  Decision decision;
  decision.value = value_of(customer);
  const bool is_profit = threshold_.kind == Threshold::Kind::kProfit;
  decision.threshold = is_profit ? kInfinity : threshold_.value;
  const auto variables = variables_of(customer.probability, decision.value);
  const Expression::Row row{customer.cells, variables};
  for (std::size_t i = 0; i < offers_.size(); ++i) {
    const auto terms = terms_of(offers_[i], row, decision.value);
    if (!terms) continue;
    if (is_profit) decision.threshold = std::min(decision.threshold, break_even(*terms));
    const double profit = expected_profit(*terms, customer.probability);
    if (decision.offer != Decision::kNoOffer && !(profit > decision.expected_profit)) continue;
    decision.offer = static_cast<std::uint16_t>(i);
    decision.expected_profit = profit;
  }
  decision.is_control = control_group_.has(customer.id);
  settle(customer, row, decision);
  return decision;
}

/// Chooses the action, once the best offer and the threshold are known.
void Policy::settle(const Customer& customer, const Expression::Row& row,
                    Decision& decision) const noexcept {
  const auto end = [&decision](Decision::Action action, Decision::Why why) {
    // Decided as for anybody else up to here, so that the groups can be compared.
    if (decision.is_control && action != Decision::Action::kNone) {
      action = Decision::Action::kNone;
      why = Decision::Why::kControlGroup;
    }
    decision.action = action;
    decision.why = why;
    if (action != Decision::Action::kNone) return;
    decision.offer = Decision::kNoOffer;
    decision.expected_profit = 0;
  };
  using enum Decision::Action;
  using enum Decision::Why;
  if (std::isnan(customer.probability)) return end(kNone, kNoProbability);
  const bool has_offer = decision.offer != Decision::kNoOffer;
  const bool is_profit = threshold_.kind == Threshold::Kind::kProfit;
  decision.is_positive = is_profit ? has_offer && decision.expected_profit > 0
                                   : customer.probability >= decision.threshold;
  if (!may_contact(row)) return end(kNone, kDoNotContact);
  if (is_contacted_recently(row)) return end(kNone, kContactedRecently);
  if (!offers_.empty() && std::isnan(decision.value)) return end(kNone, kValueMissing);
  if (!offers_.empty() && !has_offer) return end(kNone, Decision::Why::kNoOffer);
  if (customer.is_uncertain) return end(kReview, kUncertain);
  if (std::fabs(customer.probability - decision.threshold) < review_band_)
    return end(kReview, kNearThreshold);
  if (!decision.is_positive) return end(kNone, kBelowThreshold);
  if (offers_.empty()) return end(kNone, Decision::Why::kNoOffer);
  if (!(decision.expected_profit > 0)) return end(kNone, kNotWorthwhile);
  end(kOffer, kWorthwhile);
}

std::optional<double> Policy::profit_of_outcome(const Customer& customer,
                                                bool has_left) const noexcept {
  const double value = value_of(customer);
  const auto variables = variables_of(customer.probability, value);
  const Expression::Row row{customer.cells, variables};
  if (!may_contact(row) || is_contacted_recently(row)) return std::nullopt;
  std::optional<OfferTerms> best;
  for (const Offer& offer : offers_) {
    const auto terms = terms_of(offer, row, value);
    if (!terms) continue;
    if (!best || expected_profit(*terms, customer.probability) >
                     expected_profit(*best, customer.probability))
      best = terms;
  }
  if (!best) return std::nullopt;
  return expected_profit(*best, has_left ? 1.0 : 0.0);
}

std::size_t Policy::candidates(const Customer& customer,
                               std::span<OfferCandidate> out) const noexcept {
  TENURE_DCHECK(out.size() >= offers_.size());
  const Decision decision = decide(customer);
  if (decision.action != Decision::Action::kOffer) return 0;
  const auto variables = variables_of(customer.probability, decision.value);
  const Expression::Row row{customer.cells, variables};
  std::size_t count = 0;
  for (std::size_t i = 0; i < offers_.size(); ++i) {
    const auto terms = terms_of(offers_[i], row, decision.value);
    if (!terms) continue;
    const double profit = expected_profit(*terms, customer.probability);
    if (!(profit > 0)) continue;
    out[count++] = {.offer = static_cast<std::uint16_t>(i),
                    .value = profit,
                    .cost = expected_cost(*terms, customer.probability)};
  }
  return count;
}

std::string_view Policy::action_name(const Decision& decision) const {
  switch (decision.action) {
    case Decision::Action::kNone:
      return "none";
    case Decision::Action::kReview:
      return "review";
    case Decision::Action::kOffer:
      break;
  }
  return offers_[decision.offer].name;
}

}  // namespace tenure::decision
