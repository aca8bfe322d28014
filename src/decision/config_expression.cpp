#include "decision/config_expression.h"

#include <fmt/format.h>

namespace tenure::decision {

core::Result<Expression> read_expression(const core::Config& section, std::string_view key,
                                         const Vocabulary& vocabulary, ValueType wanted) {
  const std::string text = section.text(key);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return section.error_at(
        key, fmt::format("is not set; expected an expression that is {}",
                         wanted == ValueType::kNumber ? "a number" : "true or false"));
  auto expression = Expression::compile(text, vocabulary, wanted);
  if (!expression) return section.error_at(key, expression.error().message);
  return expression;
}

core::Result<Expression> read_number_expression(const core::Config& section, std::string_view key,
                                                const Vocabulary& vocabulary, Range range) {
  auto expression = read_expression(section, key, vocabulary, ValueType::kNumber);
  if (!expression || !expression->is_constant()) return expression;
  const double value = expression->number({});
  if (!(value >= range.low && value <= range.high))
    return section.error_at(key, fmt::format("is {}; expected a number in {}..{}",
                                             expression->text(), range.low, range.high));
  return expression;
}

}  // namespace tenure::decision
