#include "decision/expression_checker.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/nearest.h"

namespace tenure::decision {
namespace {

std::string_view shown_type(ValueType type) {
  switch (type) {
    case ValueType::kNumber:
      return "a number";
    case ValueType::kText:
      return "text";
    case ValueType::kBoolean:
      break;
  }
  return "true or false";
}

/// Walks the nodes in the order they were made: children come before their parents.
class Checker {
 public:
  Checker(ExpressionTree& tree, const Vocabulary& vocabulary)
      : tree_(tree), vocabulary_(vocabulary) {}

  core::Result<> check(ValueType wanted) {
    for (Node& node : tree_.nodes)
      if (auto checked = check_node(node); !checked) return checked;
    return expect(tree_.root, wanted, "the expression");
  }

 private:
  core::Error error(const Node& node, std::string_view message) const {
    return expression_error(tree_.source, node.begin, message);
  }

  core::Result<> expect(std::uint32_t index, ValueType wanted, std::string_view who) const {
    const Node& node = tree_.nodes[index];
    if (node.type == wanted) return {};
    const std::string_view hint = node.type == ValueType::kBoolean && wanted == ValueType::kNumber
                                      ? "; if(..., 1, 0) makes a number of it"
                                      : "";
    return error(node, fmt::format("{} needs {}, but {} is {}{}", who, shown_type(wanted),
                                   tree_.snippet(node), shown_type(node.type), hint));
  }

  core::Result<> expect_all(const Node& node, ValueType wanted, std::string_view who) const {
    for (const std::uint32_t child : node.children)
      if (auto checked = expect(child, wanted, who); !checked) return checked;
    return {};
  }

  /// The children from `first` on have the type of that child.
  core::Result<> expect_alike(const Node& node, std::size_t first, std::string_view who) const {
    const Node& model = tree_.nodes[node.children[first]];
    for (std::size_t i = first + 1; i < node.children.size(); ++i) {
      const Node& other = tree_.nodes[node.children[i]];
      if (other.type != model.type)
        return error(other, fmt::format("{} needs values of one type, but {} is {} and {} is {}",
                                        who, tree_.snippet(model), shown_type(model.type),
                                        tree_.snippet(other), shown_type(other.type)));
    }
    return {};
  }

  core::Result<> check_node(Node& node) {
    using enum NodeKind;
    switch (node.kind) {
      case kNumber:
      case kText:
      case kBoolean:
      case kVariable:
        return {};
      case kFeature:
        return resolve(node);
      case kAnd:
      case kOr:
      case kNot:
        node.type = ValueType::kBoolean;
        return expect_all(node, ValueType::kBoolean,
                          node.kind == kAnd  ? "and"
                          : node.kind == kOr ? "or"
                                             : "not");
      case kNegate:
      case kAdd:
      case kSubtract:
      case kMultiply:
      case kDivide:
        return expect_all(node, ValueType::kNumber, "arithmetic");
      case kMin:
      case kMax:
      case kAbs:
      case kFloor:
      case kLog:
      case kExp:
        return expect_all(node, ValueType::kNumber, "the function");
      case kLess:
      case kLessEqual:
      case kGreater:
      case kGreaterEqual:
        node.type = ValueType::kBoolean;
        return expect_all(node, ValueType::kNumber, "an order");
      case kEqual:
      case kNotEqual:
        node.type = ValueType::kBoolean;
        return expect_alike(node, 0, "a comparison");
      case kIn:
        node.type = ValueType::kBoolean;
        return expect_alike(node, 0, "in");
      case kIsMissing:
        node.type = ValueType::kBoolean;
        return {};
      case kIf:
        node.type = tree_.nodes[node.children[1]].type;
        if (auto condition = expect(node.children[0], ValueType::kBoolean, "if()"); !condition)
          return condition;
        return expect_alike(node, 1, "if()");
      case kCoalesce:
        node.type = tree_.nodes[node.children[0]].type;
        return expect_alike(node, 0, "coalesce()");
    }
    return {};
  }

  core::Result<> resolve(Node& node) const {
    if (!node.is_quoted) {
      const auto& variables = vocabulary_.variables;
      const auto variable = std::find(variables.begin(), variables.end(), node.text);
      if (variable != variables.end()) {
        node.kind = NodeKind::kVariable;
        node.type = ValueType::kNumber;
        node.slot = static_cast<std::uint32_t>(variable - variables.begin());
        return {};
      }
    }
    const auto& features = vocabulary_.features;
    const auto feature = std::find_if(features.begin(), features.end(),
                                      [&](const auto& one) { return one.name == node.text; });
    if (feature == features.end()) return unknown_name(node);
    node.type = feature->type;
    node.slot = static_cast<std::uint32_t>(feature - features.begin());
    return {};
  }

  core::Error unknown_name(const Node& node) const {
    std::vector<std::string> known;
    for (const auto& feature : vocabulary_.features) known.push_back(feature.name);
    if (!node.is_quoted)
      known.insert(known.end(), vocabulary_.variables.begin(), vocabulary_.variables.end());
    std::string hint = core::did_you_mean(node.text, known);
    if (hint.empty() && node.is_quoted) hint = "; a text stands in single quotes";
    if (hint.empty() && known.size() <= 30)
      hint = fmt::format("; known: {}", fmt::join(known, ", "));
    return error(node, fmt::format("there is no input named {}{}", tree_.snippet(node), hint));
  }

  ExpressionTree& tree_;
  const Vocabulary& vocabulary_;
};

}  // namespace

core::Result<> check_expression(ExpressionTree& tree, const Vocabulary& vocabulary,
                                ValueType wanted) {
  return Checker(tree, vocabulary).check(wanted);
}

}  // namespace tenure::decision
