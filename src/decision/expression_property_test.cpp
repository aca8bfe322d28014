#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/random.h"
#include "decision/expression.h"
#include "decision/expression_checker.h"
#include "decision/expression_parser.h"

namespace tenure::decision {
namespace {

using data::Cell;

Vocabulary names() {
  return {.features = {{"n1", ValueType::kNumber},
                       {"n 2", ValueType::kNumber},
                       {"t1", ValueType::kText},
                       {"t 2", ValueType::kText},
                       {"b1", ValueType::kBoolean},
                       {"b 2", ValueType::kBoolean}},
          .variables = {"v1"}};
}

/// Writes random well-typed expressions.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  std::string boolean(int depth) {
    if (depth == 0)
      return pick(
          {"b1", "\"b 2\"", "true", "false", "(n1 is missing)", "(\"t 2\" is not missing)"});
    switch (random_.below(11)) {
      case 0:
        return fmt::format("({} and {})", boolean(depth - 1), boolean(depth - 1));
      case 1:
        return fmt::format("({} or {} or {})", boolean(depth - 1), boolean(depth - 1),
                           boolean(depth - 1));
      case 2:
        return fmt::format("(not {})", boolean(depth - 1));
      case 3:
        return fmt::format("({} {} {})", number(depth - 1), pick({"<", "<=", ">", ">=", "=", "!="}),
                           number(depth - 1));
      case 4:
        return fmt::format("({} {} {})", text(depth - 1), pick({"=", "!="}), text(depth - 1));
      case 5:
        return fmt::format("({} {} ({}, 0, -2.5))", number(depth - 1), pick({"in", "not in"}),
                           random_.below(4));
      case 6:
        return fmt::format("({} {} ('a', 'it''s', ''))", text(depth - 1), pick({"in", "not in"}));
      case 7:
        return fmt::format("({} is {}missing)", number(depth - 1), pick({"", "not "}));
      case 8:
        return fmt::format("if({}, {}, {})", boolean(depth - 1), boolean(depth - 1),
                           boolean(depth - 1));
      case 9:
        return fmt::format("coalesce({}, {})", boolean(depth - 1), boolean(depth - 1));
      default:
        return fmt::format("({} {} {})", boolean(depth - 1), pick({"=", "!="}), boolean(depth - 1));
    }
  }

  std::string number(int depth) {
    if (depth == 0) return pick({"n1", "\"n 2\"", "v1", "0", "1", "2.5", "1e300"});
    switch (random_.below(6)) {
      case 0:
        return fmt::format("({} {} {})", number(depth - 1), pick({"+", "-", "*", "/"}),
                           number(depth - 1));
      case 1:
        return fmt::format("-{}", number(depth - 1));
      case 2:
        return fmt::format("{}({}, {})", pick({"min", "max"}), number(depth - 1),
                           number(depth - 1));
      case 3:
        return fmt::format("{}({})", pick({"abs", "floor", "log", "exp"}), number(depth - 1));
      case 4:
        return fmt::format("if({}, {}, {})", boolean(depth - 1), number(depth - 1),
                           number(depth - 1));
      default:
        return fmt::format("coalesce({}, {}, {})", number(depth - 1), number(depth - 1),
                           number(depth - 1));
    }
  }

  std::string text(int depth) {
    if (depth == 0) return pick({"t1", "\"t 2\"", "'a'", "'it''s'", "''"});
    if (random_.below(2) == 0)
      return fmt::format("if({}, {}, {})", boolean(depth - 1), text(depth - 1), text(depth - 1));
    return fmt::format("coalesce({}, {})", text(depth - 1), text(depth - 1));
  }

  Cell cell() {
    static const std::array<Cell, 11> kCells = {Cell{},
                                                Cell::null(),
                                                Cell::of(0),
                                                Cell::of(1),
                                                Cell::of(-2.5),
                                                Cell::of(1e300),
                                                Cell::of(std::nan("")),
                                                Cell::of(-std::numeric_limits<double>::infinity()),
                                                Cell::of(std::string_view("a")),
                                                Cell::of(std::string_view("it's")),
                                                Cell::of(std::string_view(""))};
    return kCells[random_.below(kCells.size())];
  }

 private:
  std::string pick(std::initializer_list<const char*> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }

  core::Random random_;
};

/// What an expression means, written as plainly as possible: no stack, no jumps.
struct Value {
  bool is_missing = true;
  double number = 0;
  std::string text;
};

class Interpreter {
 public:
  Interpreter(const ExpressionTree& tree, const Expression::Row& row) : tree_(tree), row_(row) {}

  Value value(std::uint32_t index) const {
    const Node& node = tree_.nodes[index];
    std::vector<Value> v;
    if (node.kind != NodeKind::kFeature)
      for (const auto child : node.children) v.push_back(value(child));
    switch (node.kind) {
      case NodeKind::kNumber:
      case NodeKind::kBoolean:
        return of(node.number);
      case NodeKind::kText:
        return {.is_missing = false, .number = 0, .text = node.text};
      case NodeKind::kVariable:
        return of(row_.variables[node.slot]);
      case NodeKind::kFeature:
        return feature(node);
      case NodeKind::kNot:
        return truth(!is_true(v[0]));
      case NodeKind::kAnd:
        for (const Value& one : v)
          if (!is_true(one)) return truth(false);
        return truth(true);
      case NodeKind::kOr:
        for (const Value& one : v)
          if (is_true(one)) return truth(true);
        return truth(false);
      case NodeKind::kIsMissing:
        return truth(v[0].is_missing != node.is_negated);
      case NodeKind::kIf:
        return is_true(v[0]) ? v[1] : v[2];
      case NodeKind::kCoalesce:
        for (const Value& one : v)
          if (!one.is_missing) return one;
        return {};
      case NodeKind::kIn:
        return membership(node, v);
      default:
        return computed(node.kind, v, tree_.nodes[node.children[0]].type == ValueType::kText);
    }
  }

 private:
  static Value of(double number) {
    if (!std::isfinite(number)) return {};
    return {.is_missing = false, .number = number, .text = {}};
  }
  static Value truth(bool holds) { return of(holds ? 1 : 0); }
  static bool is_true(const Value& value) { return !value.is_missing && value.number == 1; }

  Value feature(const Node& node) const {
    const Cell& cell = row_.cells[node.slot];
    const bool is_number = cell.kind == Cell::Kind::kNumber && std::isfinite(cell.number);
    if (node.type == ValueType::kText) {
      if (cell.kind == Cell::Kind::kText)
        return {.is_missing = false, .number = 0, .text = std::string(cell.text)};
      if (!is_number) return {};
      return {.is_missing = false, .number = 0, .text = fmt::format("{}", cell.number)};
    }
    if (!is_number) return {};
    return node.type == ValueType::kBoolean ? truth(cell.number != 0) : of(cell.number);
  }

  Value membership(const Node& node, const std::vector<Value>& v) const {
    if (v[0].is_missing) return truth(false);
    bool is_found = false;
    for (std::size_t i = 1; i < v.size(); ++i)
      is_found = is_found || (v[0].number == v[i].number && v[0].text == v[i].text);
    return truth(is_found != node.is_negated);
  }

  static Value computed(NodeKind kind, const std::vector<Value>& v, bool is_text) {
    const bool is_comparison = kind >= NodeKind::kEqual && kind <= NodeKind::kGreaterEqual;
    for (const Value& one : v)
      if (one.is_missing) return is_comparison ? truth(false) : Value{};
    const double a = v[0].number;
    const double b = v.size() > 1 ? v[1].number : 0;
    if (is_text) return truth((v[0].text == v[1].text) == (kind == NodeKind::kEqual));
    switch (kind) {
      case NodeKind::kEqual:
        return truth(a == b);
      case NodeKind::kNotEqual:
        return truth(a != b);
      case NodeKind::kLess:
        return truth(a < b);
      case NodeKind::kLessEqual:
        return truth(a <= b);
      case NodeKind::kGreater:
        return truth(a > b);
      case NodeKind::kGreaterEqual:
        return truth(a >= b);
      case NodeKind::kNegate:
        return of(-a);
      case NodeKind::kAdd:
        return of(a + b);
      case NodeKind::kSubtract:
        return of(a - b);
      case NodeKind::kMultiply:
        return of(a * b);
      case NodeKind::kDivide:
        return of(a / b);
      case NodeKind::kMin:
        return of(std::min(a, b));
      case NodeKind::kMax:
        return of(std::max(a, b));
      case NodeKind::kAbs:
        return of(std::fabs(a));
      case NodeKind::kFloor:
        return of(std::floor(a));
      case NodeKind::kLog:
        return of(std::log(a));
      default:
        return of(std::exp(a));
    }
  }

  const ExpressionTree& tree_;
  const Expression::Row& row_;
};

RC_GTEST_PROP(ExpressionProperty, TheProgramMeansWhatTheTreeMeans, (std::uint64_t seed)) {
  Writer writer(seed);
  for (const ValueType type : {ValueType::kBoolean, ValueType::kNumber}) {
    const std::string text = type == ValueType::kBoolean ? writer.boolean(4) : writer.number(4);
    RC_LOG() << text << "\n";
    if (text.size() > ExpressionLimits::kBytesMax) continue;
    const auto expression = Expression::compile(text, names(), type);
    RC_ASSERT(expression.has_value());
    auto tree = parse_expression(text);
    RC_ASSERT(tree.has_value());
    RC_ASSERT(check_expression(*tree, names(), type).has_value());
    for (int i = 0; i < 20; ++i) {
      std::array<Cell, 6> cells;
      for (Cell& cell : cells) cell = writer.cell();
      const std::array<double, 1> variables = {i % 3 == 0 ? std::nan("") : i};
      const Expression::Row row{cells, variables};
      const Value expected = Interpreter(*tree, row).value(tree->root);
      if (type == ValueType::kNumber) {
        const double found = expression->number(row);
        RC_ASSERT(std::isnan(found) == expected.is_missing);
        RC_ASSERT(expected.is_missing || found == expected.number);
      } else {
        const auto found = expression->truth(row);
        RC_ASSERT((found == Expression::Truth::kMissing) == expected.is_missing);
        RC_ASSERT(expected.is_missing ||
                  (found == Expression::Truth::kTrue) == (expected.number == 1));
      }
    }
  }
}

}  // namespace
}  // namespace tenure::decision
