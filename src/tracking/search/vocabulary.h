#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "tracking/search/filter.h"

// What the words of the search language mean for each kind of thing that is searched for: its
// entities, attributes, comparators and types of values (mlflow.md §10.2 to §10.6).
namespace tenure::tracking {

enum class Field : std::uint8_t { kAttribute, kMetric, kParam, kTag, kDataset };

struct Attribute {
  enum class Type : std::uint8_t { kText, kInteger };
  std::string_view name;
  std::string_view column;  ///< of the table, by the alias that the search's statement gives it
  Type type = Type::kText;
  bool is_searchable = true;
  bool is_orderable = true;
  bool takes_list = false;
  std::string_view order_column = {};  ///< where it is not `column`; a number then

  std::string_view ordered() const { return order_column.empty() ? column : order_column; }
  bool is_ordered_as_text() const { return type == Type::kText && order_column.empty(); }
};

/// What a name stands for. `attribute` is set for Field::kAttribute only and lives forever.
struct FieldName {
  Field field = Field::kAttribute;
  std::string key;
  const Attribute* attribute = nullptr;
};

struct Condition {
  FieldName name;
  Comparator comparator = Comparator::kEqual;
  std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::string>> value;
};

struct Order {
  FieldName name;
  bool is_ascending = true;
};

/// Reads a filter. Errors: kInvalidArgument in MLflow's words for an unknown entity, attribute or
/// comparator and for a value of another type; sets of words are printed in a fixed order, where
/// MLflow's is random.
core::Result<std::vector<Condition>> read_filter(std::string_view filter, SearchLanguage language);

/// Reads order_by. Errors: as read_filter, and for a repeated name.
core::Result<std::vector<Order>> read_order_by(std::span<const std::string> order_by,
                                               SearchLanguage language);

/// The attribute `name` of a language as it can be ordered by, nullptr when there is none.
const Attribute* orderable_attribute(std::string_view name, SearchLanguage language);

}  // namespace tenure::tracking
