#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/table.h"

namespace tenure::decision {

/// Type of a value in an expression. Any value of any type may be missing.
enum class ValueType : std::uint8_t { kNumber, kText, kBoolean };

std::string_view value_type_name(ValueType type);  ///< "number", "text", "boolean"

/// How a column appears in expressions: integers, numbers and timestamps (microseconds since 1970)
/// are numbers.
ValueType value_type_of(data::ColumnType type);

/// The names that an expression may use.
struct Vocabulary {
  struct Feature {
    std::string name;
    ValueType type = ValueType::kNumber;
  };
  std::vector<Feature> features;       ///< cell i of a row holds the value of features[i]
  std::vector<std::string> variables;  ///< numbers that the caller computes, such as probability
};

}  // namespace tenure::decision
