#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "data/cell.h"
#include "decision/expression.h"

namespace tenure::decision {

/// What people know about churn, as ordered rules: an answer when no model can give one. Section
/// serving.fallback.rules. Immutable; thread-safe.
class RuleSet {
 public:
  static constexpr std::size_t kRulesMax = 1000;

  /// `inputs` are the columns of the rows to come, in their order. No rules are a set that never
  /// matches. Errors: kInvalidArgument with line and key; kResourceExhausted over kRulesMax.
  static core::Result<RuleSet> from_config(const core::Config& config,
                                           std::span<const Vocabulary::Feature> inputs);

  struct Match {
    std::uint32_t rule = 0;  ///< position in the order of the file
    double probability = 0;
  };
  /// The first rule whose condition holds; nothing when there is none. A rule whose probability is
  /// missing for this row is passed over; one outside of 0..1 is clamped. Allocates nothing.
  std::optional<Match> first_match(std::span<const data::Cell> cells) const noexcept;

  std::size_t size() const { return rules_.size(); }
  bool empty() const { return rules_.empty(); }
  const std::string& name(std::uint32_t rule) const { return rules_[rule].name; }

 private:
  struct Rule {
    std::string name;
    Expression when;
    Expression probability;
  };
  std::vector<Rule> rules_;
};

}  // namespace tenure::decision
