// libFuzzer target: any text is an expression or an error with a reason, and what compiles gives
// an answer for any row. Seeds: corpus/expression.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "decision/expression.h"

namespace {

using namespace tenure::decision;
using tenure::data::Cell;

void expect(bool holds) {
  if (!holds) std::abort();
}

void evaluate(const Expression& expression) {
  static constexpr std::array<double, 2> kVariables = {0.25, -3};
  for (const auto& first : {Cell::of(7.5), Cell::null(), Cell::of(std::string_view("x"))}) {
    const std::array<Cell, 4> cells = {first, Cell::of(std::string_view("DSL")), Cell::of(1),
                                       first};
    for (const std::size_t given : {0U, 2U, 4U}) {
      const Expression::Row row{std::span(cells).first(given),
                                std::span(kVariables).first(given / 2)};
      if (expression.type() == ValueType::kBoolean)
        static_cast<void>(expression.truth(row));
      else
        expect(!std::isinf(expression.number(row)));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Vocabulary kVocabulary = {.features = {{"tenure", ValueType::kNumber},
                                                      {"net", ValueType::kText},
                                                      {"a b", ValueType::kBoolean},
                                                      {"t", ValueType::kText}},
                                         .variables = {"probability", "value"}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const ValueType wanted : {ValueType::kNumber, ValueType::kBoolean}) {
    const auto expression = Expression::compile(text, kVocabulary, wanted);
    if (expression)
      evaluate(*expression);
    else
      expect(!expression.error().message.empty());
  }
  return 0;
}
