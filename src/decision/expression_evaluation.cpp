// How a compiled expression is evaluated.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "core/assert.h"
#include "decision/expression.h"

namespace tenure::decision {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

double finite_or_missing(double value) {
  return std::isfinite(value) ? value : kMissing;
}

double number_of(const data::Cell& cell) {
  return cell.kind == data::Cell::Kind::kNumber ? finite_or_missing(cell.number) : kMissing;
}

double truth_of(const data::Cell& cell) {
  const double number = number_of(cell);
  return std::isnan(number) ? kMissing : (number != 0 ? 1.0 : 0.0);
}

}  // namespace

/// The values under way. A text is present where `numbers` is not NaN. Left uninitialised: a slot
/// is written before it is read, and clearing them all would cost more than most programs.
struct Expression::Stack {
  static constexpr std::size_t kDigitsMax =
      24;  // of the longest shortest form: -2.2250738585072014e-308
  double numbers[kStackMax];
  const char* text_begin[kStackMax];
  std::size_t text_size[kStackMax];
  char digits[kStackMax][kDigitsMax];  ///< a number that is read as text
  std::size_t size;

  double& top() { return numbers[size - 1]; }
  std::string_view top_text() const { return {text_begin[size - 1], text_size[size - 1]}; }
  std::string_view text_below() const { return {text_begin[size - 2], text_size[size - 2]}; }

  void push(double number) { numbers[size++] = number; }
  void push(std::string_view text) {
    text_begin[size] = text.data();
    text_size[size] = text.size();
    push(0.0);
  }
  void push_as_text(double number) {
    char* const begin = digits[size];
    const auto written = std::to_chars(begin, begin + kDigitsMax, number);
    push(std::string_view(begin, static_cast<std::size_t>(written.ptr - begin)));
  }
  void push_text(const data::Cell& cell) {
    if (cell.kind == data::Cell::Kind::kText) return push(cell.text);
    if (cell.kind == data::Cell::Kind::kNumber && std::isfinite(cell.number))
      return push_as_text(cell.number);
    push(kMissing);
  }
  double pop() { return numbers[--size]; }
};

double Expression::run(const Row& row) const noexcept {
  static constexpr data::Cell kNoCell{};
  Stack stack;
  stack.size = 0;
  const auto cell = [&row](std::uint32_t at) -> const data::Cell& {
    return at < row.cells.size() ? row.cells[at] : kNoCell;
  };
  /// Replaces the two values on top by `f` of them.
  const auto binary = [&stack](const auto& f) {
    const double right = stack.pop();
    stack.top() = f(stack.top(), right);
  };
  const auto compare = [&](const auto& holds) {
    binary([&holds](double left, double right) {
      const bool is_missing = std::isnan(left) || std::isnan(right);
      return !is_missing && holds(left, right) ? 1.0 : 0.0;
    });
  };
  const auto compare_texts = [&stack](bool wants_equal) {
    const bool is_missing = std::isnan(stack.top()) || std::isnan(stack.numbers[stack.size - 2]);
    const bool holds = !is_missing && (stack.top_text() == stack.text_below()) == wants_equal;
    --stack.size;
    stack.top() = holds ? 1.0 : 0.0;
  };
  const auto find_number = [&](const Instruction& in, bool wants_found) {
    const double value = stack.top();
    const bool holds =
        !std::isnan(value) &&
        std::binary_search(numbers_.begin() + in.a, numbers_.begin() + in.b, value) == wants_found;
    stack.top() = holds ? 1.0 : 0.0;
  };
  const auto find_text = [&](const Instruction& in, bool wants_found) {
    const bool holds = !std::isnan(stack.top()) &&
                       std::binary_search(texts_.begin() + in.a, texts_.begin() + in.b,
                                          stack.top_text(), std::less<>{}) == wants_found;
    stack.top() = holds ? 1.0 : 0.0;
  };

  // The loop ends: `at` only grows.
  const std::size_t end = program_.size();
  for (std::size_t at = 0; at < end;) {
    const Instruction& in = program_[at++];
    switch (in.op) {
      case Op::kNumber:
        stack.push(in.number);
        break;
      case Op::kText:
        stack.push(std::string_view(texts_[in.a]));
        break;
      case Op::kLoadNumber:
        stack.push(number_of(cell(in.a)));
        break;
      case Op::kLoadBoolean:
        stack.push(truth_of(cell(in.a)));
        break;
      case Op::kLoadText:
        stack.push_text(cell(in.a));
        break;
      case Op::kLoadVariable:
        stack.push(in.a < row.variables.size() ? finite_or_missing(row.variables[in.a]) : kMissing);
        break;
      case Op::kNegate:
        stack.top() = -stack.top();
        break;
      case Op::kAbs:
        stack.top() = std::fabs(stack.top());
        break;
      case Op::kFloor:
        stack.top() = std::floor(stack.top());
        break;
      case Op::kLog:
        stack.top() = finite_or_missing(std::log(stack.top()));
        break;
      case Op::kExp:
        stack.top() = finite_or_missing(std::exp(stack.top()));
        break;
      case Op::kAdd:
        binary([](double a, double b) { return finite_or_missing(a + b); });
        break;
      case Op::kSubtract:
        binary([](double a, double b) { return finite_or_missing(a - b); });
        break;
      case Op::kMultiply:
        binary([](double a, double b) { return finite_or_missing(a * b); });
        break;
      case Op::kDivide:
        binary([](double a, double b) { return finite_or_missing(a / b); });
        break;
      // Not std::min: with a NaN it would answer by the order of its arguments.
      case Op::kMin:
        binary([](double a, double b) {
          return std::isnan(a) || std::isnan(b) ? kMissing : (b < a ? b : a);
        });
        break;
      case Op::kMax:
        binary([](double a, double b) {
          return std::isnan(a) || std::isnan(b) ? kMissing : (a < b ? b : a);
        });
        break;
      case Op::kLess:
        compare(std::less<double>{});
        break;
      case Op::kLessEqual:
        compare(std::less_equal<double>{});
        break;
      case Op::kGreater:
        compare(std::greater<double>{});
        break;
      case Op::kGreaterEqual:
        compare(std::greater_equal<double>{});
        break;
      case Op::kEqual:
        compare(std::equal_to<double>{});
        break;
      case Op::kNotEqual:
        compare(std::not_equal_to<double>{});
        break;
      case Op::kEqualText:
        compare_texts(true);
        break;
      case Op::kNotEqualText:
        compare_texts(false);
        break;
      case Op::kInNumbers:
        find_number(in, true);
        break;
      case Op::kNotInNumbers:
        find_number(in, false);
        break;
      case Op::kInTexts:
        find_text(in, true);
        break;
      case Op::kNotInTexts:
        find_text(in, false);
        break;
      case Op::kIsMissing:
        stack.top() = std::isnan(stack.top()) ? 1.0 : 0.0;
        break;
      case Op::kIsPresent:
        stack.top() = std::isnan(stack.top()) ? 0.0 : 1.0;
        break;
      case Op::kNot:
        stack.top() = stack.top() == 1.0 ? 0.0 : 1.0;
        break;
      case Op::kTruth:
        stack.top() = stack.top() == 1.0 ? 1.0 : 0.0;
        break;
      case Op::kAndJump:
        if (stack.top() == 1.0) {
          --stack.size;
        } else {
          stack.top() = 0.0;
          at = in.a;
        }
        break;
      case Op::kOrJump:
        if (stack.top() == 1.0)
          at = in.a;
        else
          --stack.size;
        break;
      case Op::kJumpUnless:
        if (stack.pop() != 1.0) at = in.a;
        break;
      case Op::kJump:
        at = in.a;
        break;
      case Op::kJumpIfPresent:
        if (std::isnan(stack.top()))
          --stack.size;
        else
          at = in.a;
        break;
    }
  }
  return stack.numbers[0];
}

double Expression::number(const Row& row) const noexcept {
  TENURE_DCHECK(type_ == ValueType::kNumber);
  return run(row);
}

Expression::Truth Expression::truth(const Row& row) const noexcept {
  TENURE_DCHECK(type_ == ValueType::kBoolean);
  const double value = run(row);
  if (std::isnan(value)) return Truth::kMissing;
  return value == 1.0 ? Truth::kTrue : Truth::kFalse;
}

}  // namespace tenure::decision
