#include "decision/vocabulary.h"

namespace tenure::decision {

std::string_view value_type_name(ValueType type) {
  switch (type) {
    case ValueType::kNumber:
      return "number";
    case ValueType::kText:
      return "text";
    case ValueType::kBoolean:
      break;
  }
  return "boolean";
}

ValueType value_type_of(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kBoolean:
      return ValueType::kBoolean;
    case data::ColumnType::kText:
      return ValueType::kText;
    case data::ColumnType::kInteger:
    case data::ColumnType::kNumber:
    case data::ColumnType::kTimestamp:
      break;
  }
  return ValueType::kNumber;
}

}  // namespace tenure::decision
