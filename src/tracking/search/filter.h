#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

// The grammar of MLflow's search language (mlflow.md §10.1), without any meaning: which entities,
// keys and comparators exist is decided in vocabulary.h.
namespace tenure::tracking {

/// What is searched for. The grammar is one; names, rules and the wording of errors differ.
enum class SearchLanguage : std::uint8_t {
  kRuns,
  kExperiments,
  kRegisteredModels,
  kModelVersions,
  kLoggedModels
};

enum class Comparator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLike,   ///< case-sensitive; % any run, _ one character, nothing escapes them
  kILike,  ///< the same, but for case
  kIn,
  kNotIn,
  kIsNull,
  kIsNotNull,
  kOther  ///< one of SQL that the language lacks: ==, <>, RLIKE, NOT LIKE
};

/// The right side of a clause as written.
struct FilterValue {
  enum class Kind : std::uint8_t { kNone, kNumber, kText, kList, kWord };
  Kind kind = Kind::kNone;
  std::string source;              ///< with its quotes
  std::string text;                ///< kText: between the quotes, taken verbatim
  std::vector<std::string> texts;  ///< kList
  std::string list_error;          ///< kList: why it is no list of texts; empty when it is one
};

struct FilterName {
  std::string entity;  ///< empty: none was written
  std::string key;     ///< without quotes
};

struct FilterClause {
  FilterName name;
  Comparator comparator = Comparator::kOther;
  std::string comparator_source;  ///< upper case
  FilterValue value;
};

/// The clauses of a filter, all of which must hold; none for an empty one. As MLflow does, takes
/// leading, trailing, double and missing ANDs.
/// Errors: kInvalidArgument in MLflow's words.
core::Result<std::vector<FilterClause>> parse_filter(std::string_view filter,
                                                     SearchLanguage language);

/// One item of order_by: `name [ASC|DESC]`.
struct OrderItem {
  FilterName name;
  bool is_ascending = true;
};
core::Result<OrderItem> parse_order(std::string_view text);

/// A text as Python's repr prints it, which MLflow's messages hold.
std::string python_repr(std::string_view text);

}  // namespace tenure::tracking
