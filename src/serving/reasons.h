#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/result.h"
#include "data/cell.h"
#include "learn/transform.h"
#include "serving/predictor.h"

namespace tenure::serving {

/// The contributions that speak most for an explained prediction: toward the side it was decided
/// for, largest first, ties by the order of inputs, none below .0001 log-odds. Fills `out` from its
/// start; returns how many there are.
std::size_t top_reasons(const Prediction& prediction, std::span<Contribution> out);

/// Sentences for people, from `model.reasons` of the project file: per input one for values that
/// raise the probability and one for those that lower it, where "{value}" stands for the value.
/// Inputs without a sentence read "<input> is <value>". Immutable; thread-safe.
class ReasonTexts {
 public:
  ReasonTexts() = default;

  /// Errors: kInvalidArgument at the key for a placeholder other than {value}.
  static core::Result<ReasonTexts> from_config(const core::Config& config);

  void append(std::string& out, const learn::InputField& input, const data::Cell& value,
              bool is_raising) const;

  /// The inputs that have sentences: to tell those no model has.
  std::vector<std::string_view> inputs() const;

 private:
  struct Sentences {
    std::string raises, lowers;
  };
  std::map<std::string, Sentences, std::less<>> sentences_;
};

/// Appends a value for people: true, 29.85, 2024-01-05T00:00:00Z, Month-to-month, "missing".
void append_value(std::string& out, const learn::InputField& input, const data::Cell& value);

}  // namespace tenure::serving
