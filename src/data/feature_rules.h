#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/survey.h"
#include "data/table.h"

namespace tenure::data {

/// What the rules need to know about the label and the table. Counts are of the rows read.
struct LabelFacts {
  std::string name;
  std::string positive;
  std::string negative;
  std::int64_t positives = 0;
  std::int64_t negatives = 0;
  std::int64_t rows_of_file = 0;  ///< more than the rows read when they are a sample
};

/// Above this a single column knows the label: it is a copy, or was written after the outcome.
inline constexpr double kLeakArea = 0.95;
/// The same for columns named like an outcome. Honest predictors reach 0.93 and more.
inline constexpr double kOutcomeNameArea = 0.9;

/// Why nothing should be learned from a column, for people; nothing = it is a feature.
std::optional<std::string> why_no_feature(const ColumnEvidence& column, ColumnType type,
                                          const LabelFacts& label);

/// A sentence about a text column whose values are numbers that are written for people ("$1,234"),
/// or "".
std::string decorated_note(const ColumnEvidence& column, ColumnType type);

/// The column is empty or the same in every row read.
bool holds_no_information(const ColumnEvidence& column);

/// A sentence about a used column that is missing in the rows of one class only, for a person to
/// judge, or "".
std::string one_sided_gap_note(const ColumnEvidence& column, const LabelFacts& label);

/// A value for a message: short and in quotes.
std::string quoted_value(std::string_view value);

}  // namespace tenure::data
