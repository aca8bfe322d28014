#include "data/feature_rules.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "data/name_hint.h"
#include "data/utf8.h"

namespace tenure::data {
namespace {

using Reason = std::optional<std::string>;

Reason no_information(const ColumnEvidence& column) {
  const ColumnFacts& facts = column.facts;
  if (facts.present == 0) return "it has no values";
  if (facts.distinct == 1 && facts.present == facts.rows)
    return fmt::format("every row has the same value, {}", quoted_value(column.most_frequent));
  return std::nullopt;
}

/// True when that many rows of one class in a row are no accident at that share of the class.
bool is_no_accident(std::int64_t rows, double share) {
  constexpr double kChance = 1e-6;
  return static_cast<double>(rows) * std::log(share) < std::log(kChance);
}

/// Rows of one class alone that a column has (or misses) values in.
struct OneClass {
  bool is_positive = false;
  std::int64_t rows = 0;
  double class_share = 0;  ///< of the rows of that class
};

/// Nothing when both classes have such rows, or so few that chance may have done it.
std::optional<OneClass> only_in_one(std::int64_t positives, std::int64_t negatives,
                                    const LabelFacts& label) {
  if ((positives == 0) == (negatives == 0)) return std::nullopt;
  OneClass found;
  found.is_positive = positives > 0;
  found.rows = positives + negatives;
  const auto labelled = static_cast<double>(label.positives + label.negatives);
  const auto of_class = static_cast<double>(found.is_positive ? label.positives : label.negatives);
  if (!is_no_accident(found.rows, of_class / labelled)) return std::nullopt;
  found.class_share = static_cast<double>(found.rows) / of_class;
  return found;
}

std::string where_class_is(const OneClass& found, const LabelFacts& label) {
  return fmt::format("only where {} is {} ({} rows)", label.name,
                     quoted_value(found.is_positive ? label.positive : label.negative), found.rows);
}

std::optional<OneClass> one_sided_gap(const ColumnEvidence& column, const LabelFacts& label) {
  return only_in_one(label.positives - column.positives, label.negatives - column.negatives, label);
}

/// Values (or gaps) in the rows of one class only: filled in (or emptied) after the outcome.
Reason one_class_only(const ColumnEvidence& column, const LabelFacts& label) {
  if (const auto found = only_in_one(column.positives, column.negatives, label))
    return fmt::format("it has values {}, so it was written after the outcome",
                       where_class_is(*found, label));
  // Gaps in one class happen to honest columns: new customers have no total yet, and did not leave
  // either; who stopped using the product has no last usage. Only where most of the class is empty,
  // or where the name speaks of the outcome, they are taken for its trace.
  constexpr double kGapShareMin = 0.5;
  constexpr double kOutcomeGapShareMin = 0.1;
  const auto gap = one_sided_gap(column, label);
  const double wanted = is_outcome_name(column.name) ? kOutcomeGapShareMin : kGapShareMin;
  if (!gap || gap->class_share < wanted) return std::nullopt;
  return fmt::format("it is missing {}, {:.0f} % of them, so it was emptied after the outcome",
                     where_class_is(*gap, label), 100 * gap->class_share);
}

/// Seconds, milliseconds or microseconds since 1970.
Reason is_epoch(const ColumnEvidence& column, ColumnType type) {
  if (type != ColumnType::kInteger && type != ColumnType::kNumber) return std::nullopt;
  struct Unit {
    double size;
    std::string_view name;
  };
  constexpr std::array<Unit, 3> kUnits = {
      {{1, "seconds"}, {1e3, "milliseconds"}, {1e6, "microseconds"}}};
  // With a name that says so, 1990 to 2100; without one, 2001 to 2035: few measurements fill ten,
  // thirteen or sixteen digits with so narrow a range.
  constexpr double kNamedMin = 631'152'000;
  constexpr double kNamedMax = 4'102'444'800;
  constexpr double kPlainMin = 1'000'000'000;
  constexpr double kPlainMax = 2'051'222'400;
  constexpr std::int64_t kPlainDistinctMin = 50;
  const bool is_named = is_time_name(column.name);
  const bool is_plain = type == ColumnType::kInteger && column.facts.distinct >= kPlainDistinctMin;
  for (const Unit& unit : kUnits) {
    const double first = column.minimum / unit.size;
    const double last = column.maximum / unit.size;
    if (!(is_named && first >= kNamedMin && last <= kNamedMax) &&
        !(is_plain && first >= kPlainMin && last <= kPlainMax))
      continue;
    return fmt::format(
        "it holds times as {} since 1970, such as {}; turn them into numbers such as "
        "days since",
        unit.name, quoted_value(column.most_frequent));
  }
  return std::nullopt;
}

Reason is_date(const ColumnEvidence& column, ColumnType type) {
  if (type == ColumnType::kTimestamp)
    return "it is a date; what happened when is no property of a customer (name it as the time "
           "column, or turn it into a number such as days since)";
  if (column.facts.present > 0 && column.dates == column.facts.present)
    return fmt::format("it holds dates such as {}; turn them into numbers such as days since",
                       quoted_value(column.most_frequent));
  return std::nullopt;
}

/// Keys, row numbers, names: nearly every row has a value of its own.
Reason own_value_per_row(const ColumnEvidence& column, ColumnType type, const LabelFacts& label) {
  const ColumnFacts& facts = column.facts;
  const auto present = static_cast<double>(facts.present);
  const auto distinct = static_cast<double>(facts.distinct);
  constexpr std::int64_t kPresentMin = 20;
  if (facts.present < kPresentMin) return std::nullopt;
  if (type == ColumnType::kText) {
    if (distinct <= 0.95 * present) return std::nullopt;
    return fmt::format("nearly every row has its own text ({} different ones in {} rows)",
                       facts.distinct, facts.present);
  }
  if (type != ColumnType::kInteger || facts.distinct != facts.present) return std::nullopt;
  const double span = column.maximum - column.minimum + 1;
  if (span <= 2 * static_cast<double>(label.rows_of_file)) return "its integers number the rows";
  // Measured integers repeat: n draws from `span` values meet about n^2 / 2 span times.
  constexpr double kMeetingsMin = 10;
  constexpr std::int64_t kCodeDigits = 8;
  const bool is_code = column.length_min == facts.length_max && column.length_min >= kCodeDigits;
  if (present * present / (2 * span) < kMeetingsMin && !is_code && !is_code_name(column.name) &&
      id_rank(column.name) < 2)
    return std::nullopt;
  return "every row has its own integer, so it is a key and no measurement";
}

/// The higher of the areas under the curve that the column reaches alone, whichever its direction.
double best_area(const ColumnEvidence& column, ColumnType type, const LabelFacts& label) {
  constexpr std::int64_t kClassRowsMin = 10;
  constexpr std::int64_t kCategoriesOfNumbersMax = 50;
  double best = 0.5;
  const bool is_number = type == ColumnType::kInteger || type == ColumnType::kNumber;
  if (is_number && column.number_auc && column.positives >= kClassRowsMin &&
      column.negatives >= kClassRowsMin)
    best = std::max(*column.number_auc, 1 - *column.number_auc);
  if (column.category_auc && (!is_number || column.facts.distinct <= kCategoriesOfNumbersMax))
    best = std::max(best, *column.category_auc);
  // Having a value at all may tell as much.
  const double gap = static_cast<double>(column.positives) / static_cast<double>(label.positives) -
                     static_cast<double>(column.negatives) / static_cast<double>(label.negatives);
  return std::max(best, 0.5 + std::abs(gap) / 2);
}

Reason knows_the_label(const ColumnEvidence& column, ColumnType type, const LabelFacts& label) {
  const double area = best_area(column, type, label);
  if (area >= 0.9995)
    return fmt::format(
        "it gives {} away completely (AUC {:.3f} alone): a copy of the label, or "
        "written after the outcome",
        label.name, area);
  if (area > kLeakArea)
    return fmt::format(
        "it alone nearly gives {} away (AUC {:.3f}), so it was probably written "
        "after the outcome",
        label.name, area);
  if (area > kOutcomeNameArea && is_outcome_name(column.name))
    return fmt::format(
        "its name speaks of the outcome and it alone nearly gives {} away (AUC "
        "{:.3f})",
        label.name, area);
  return std::nullopt;
}

Reason is_code(const ColumnEvidence& column, ColumnType type) {
  const ColumnFacts& facts = column.facts;
  if (column.native && type == ColumnType::kInteger && facts.codes > 0)
    return "its integers have more than 18 digits: a code and no measurement";
  if (type != ColumnType::kInteger || !is_code_name(column.name)) return std::nullopt;
  constexpr double kCodeMin = 1000;
  constexpr std::int64_t kDistinctMin = 20;
  if (column.minimum < kCodeMin || facts.distinct <= kDistinctMin || facts.count_median >= 5 ||
      static_cast<double>(facts.distinct) < 0.2 * static_cast<double>(facts.present))
    return std::nullopt;
  return fmt::format(
      "its integers, such as {}, only name something; to use it, give it the type "
      "text and fewer values",
      column.most_frequent);
}

bool are_categories(const ColumnFacts& facts) {
  constexpr double kRepeatsMin = 5;
  constexpr std::int64_t kFewTexts = 20;
  return facts.count_median >= kRepeatsMin || facts.distinct <= kFewTexts;
}

Reason is_decorated(const ColumnEvidence& column, ColumnType type) {
  if (are_categories(column.facts)) return std::nullopt;
  std::string note = decorated_note(column, type);
  return note.empty() ? Reason() : Reason(std::move(note));
}

/// Texts that do not repeat enough to be categories.
Reason too_many_texts(const ColumnEvidence& column, ColumnType type) {
  if (type != ColumnType::kText) return std::nullopt;
  const ColumnFacts& facts = column.facts;
  constexpr std::int64_t kManyTexts = 1000;
  constexpr double kSentence = 40;
  constexpr std::int64_t kSentencesMin = 50;
  if (are_categories(facts)) return std::nullopt;
  if (facts.length_mean > kSentence && facts.distinct > kSentencesMin)
    return fmt::format("it is free text ({:.0f} characters on average, {} different ones)",
                       facts.length_mean, facts.distinct);
  if (facts.distinct <= kManyTexts &&
      static_cast<double>(facts.distinct) <= 0.2 * static_cast<double>(facts.present))
    return std::nullopt;
  return fmt::format("it has {} different texts in {} rows: too few rows for each to learn from",
                     facts.distinct, facts.present);
}

Reason does_not_fit(const ColumnEvidence& column, ColumnType type) {
  if (column.native && type == ColumnType::kNumber && column.facts.numbers < column.facts.present)
    return fmt::format("it holds infinity ({} rows)", column.facts.present - column.facts.numbers);
  return std::nullopt;
}

}  // namespace

bool holds_no_information(const ColumnEvidence& column) {
  return no_information(column).has_value();
}

std::string one_sided_gap_note(const ColumnEvidence& column, const LabelFacts& label) {
  constexpr double kTelling = 0.1;
  const auto gap = one_sided_gap(column, label);
  if (!gap || gap->class_share < kTelling) return {};
  return fmt::format("it is missing {}; if it is emptied after the outcome, add it to data.ignore",
                     where_class_is(*gap, label));
}

std::string quoted_value(std::string_view value) {
  constexpr std::size_t kShown = 40;
  if (value.size() <= kShown) return fmt::format("'{}'", value);
  return fmt::format("'{}...'", value.substr(0, valid_utf8_prefix(value.substr(0, kShown))));
}

std::string decorated_note(const ColumnEvidence& column, ColumnType type) {
  const ColumnFacts& facts = column.facts;
  if (type != ColumnType::kText || column.decorated == 0 ||
      2 * (column.decorated + facts.numbers) <= facts.present)
    return {};
  return fmt::format(
      "its numbers are written for people, as {} ({} rows), and so are texts; write "
      "them with a point for the decimals and nothing else to learn from them",
      quoted_value(column.decorated_example), column.decorated);
}

Reason why_no_feature(const ColumnEvidence& column, ColumnType type, const LabelFacts& label) {
  if (auto why = no_information(column)) return why;
  if (auto why = does_not_fit(column, type)) return why;
  if (auto why = one_class_only(column, label)) return why;
  if (auto why = is_date(column, type)) return why;
  if (auto why = is_epoch(column, type)) return why;
  if (auto why = is_decorated(column, type)) return why;
  if (auto why = own_value_per_row(column, type, label)) return why;
  if (auto why = knows_the_label(column, type, label)) return why;
  if (auto why = is_code(column, type)) return why;
  return too_many_texts(column, type);
}

}  // namespace tenure::data
