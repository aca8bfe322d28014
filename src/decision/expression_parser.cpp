#include "decision/expression_parser.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/nearest.h"
#include "decision/expression_lexer.h"

namespace tenure::decision {
namespace {

using Index = std::uint32_t;

struct FunctionForm {
  std::string_view name;
  NodeKind kind;
  std::size_t arguments_min;
  std::size_t arguments_max;
};

constexpr std::size_t kAnyNumber = ExpressionLimits::kBytesMax;
constexpr std::array kFunctions = std::to_array<FunctionForm>({
    {"min", NodeKind::kMin, 2, kAnyNumber},
    {"max", NodeKind::kMax, 2, kAnyNumber},
    {"abs", NodeKind::kAbs, 1, 1},
    {"floor", NodeKind::kFloor, 1, 1},
    {"log", NodeKind::kLog, 1, 1},
    {"exp", NodeKind::kExp, 1, 1},
    {"if", NodeKind::kIf, 3, 3},
    {"coalesce", NodeKind::kCoalesce, 1, kAnyNumber},
});

constexpr std::array<std::string_view, 8> kKeywords = {"and", "or",      "not",  "in",
                                                       "is",  "missing", "true", "false"};

std::optional<NodeKind> comparison_of(const Token& token) {
  if (token.kind != Token::Kind::kSymbol) return std::nullopt;
  if (token.text == "=") return NodeKind::kEqual;
  if (token.text == "!=") return NodeKind::kNotEqual;
  if (token.text == "<") return NodeKind::kLess;
  if (token.text == "<=") return NodeKind::kLessEqual;
  if (token.text == ">") return NodeKind::kGreater;
  if (token.text == ">=") return NodeKind::kGreaterEqual;
  return std::nullopt;
}

/// Recursive descent: one function a level of precedence.
class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens) : tokens_(std::move(tokens)) {
    tree_.source = source;
  }

  core::Result<ExpressionTree> parse() {
    auto root = parse_or();
    if (!root) return std::move(root).error();
    if (next().kind != Token::Kind::kEnd) return unexpected("an operator or the end");
    tree_.root = *root;
    return std::move(tree_);
  }

 private:
  using Parsed = core::Result<Index>;

  const Token& next() const { return tokens_[at_]; }
  bool is_symbol(std::string_view text) const {
    return next().kind == Token::Kind::kSymbol && next().text == text;
  }
  bool is_word(std::string_view text) const {
    return next().kind == Token::Kind::kWord && next().text == text;
  }
  bool take_symbol(std::string_view text) { return is_symbol(text) && take(); }
  bool take_word(std::string_view text) { return is_word(text) && take(); }
  bool take() {
    ++at_;
    return true;
  }

  core::Error unexpected(std::string_view expected) const {
    std::string hint;
    if (next().kind == Token::Kind::kWord && expected.find("operator") != std::string_view::npos) {
      const std::vector<std::string> words = {"and", "or", "in", "is"};
      hint = core::did_you_mean(next().text, words);
    }
    return expression_error(
        tree_.source, next().begin,
        fmt::format("expected {}, found {}{}", expected, shown_token(next()), hint));
  }

  /// Adds a node over children that were parsed from the token `first` on.
  Parsed add(Node node, std::size_t first) {
    node.begin = tokens_[first].begin;
    node.end = tokens_[at_ == 0 ? 0 : at_ - 1].end;
    for (const Index child : node.children)
      node.height = std::max(node.height, tree_.nodes[child].height + 1);
    if (node.height > ExpressionLimits::kHeightMax)
      return core::Error{
          core::ErrorCode::kResourceExhausted,
          fmt::format("the expression chains more than {} operations; split it into parts",
                      ExpressionLimits::kHeightMax)};
    tree_.nodes.push_back(std::move(node));
    return static_cast<Index>(tree_.nodes.size() - 1);
  }

  Parsed add(NodeKind kind, std::vector<Index> children, std::size_t first) {
    Node node;
    node.kind = kind;
    node.children = std::move(children);
    return add(std::move(node), first);
  }

  /// Operands of one associative word, "a and b and c", as one node.
  template <typename ParseOperand>
  Parsed parse_list(std::string_view word, NodeKind kind, const ParseOperand& parse_operand) {
    const std::size_t first = at_;
    auto operand = parse_operand();
    if (!operand || !is_word(word)) return operand;
    std::vector<Index> children{*operand};
    while (take_word(word)) {
      operand = parse_operand();
      if (!operand) return operand;
      children.push_back(*operand);
    }
    return add(kind, std::move(children), first);
  }

  Parsed parse_or() {
    return parse_list("or", NodeKind::kOr, [this] {
      return parse_list("and", NodeKind::kAnd, [this] { return parse_not(); });
    });
  }

  Parsed parse_not() {
    if (!is_word("not")) return parse_comparison();
    return nested([this]() -> Parsed {
      const std::size_t first = at_++;
      auto operand = parse_not();
      if (!operand) return operand;
      return add(NodeKind::kNot, {*operand}, first);
    });
  }

  Parsed parse_comparison() {
    const std::size_t first = at_;
    auto left = parse_sum();
    if (!left) return left;
    Parsed result = left;
    if (const auto kind = comparison_of(next())) {
      take();
      auto right = parse_sum();
      if (!right) return right;
      result = add(*kind, {*left, *right}, first);
    } else if (take_word("is")) {
      Node node;
      node.kind = NodeKind::kIsMissing;
      node.is_negated = take_word("not");
      node.children = {*left};
      if (!take_word("missing")) return unexpected("'missing'");
      result = add(std::move(node), first);
    } else if (is_word("in") || is_word("not")) {
      Node node;
      node.kind = NodeKind::kIn;
      node.is_negated = take_word("not");
      if (!take_word("in")) return unexpected("'in' after 'not'");
      node.children = {*left};
      result = parse_choices(std::move(node), first);
    } else {
      return left;
    }
    if (!result) return result;
    if (comparison_of(next()) || is_word("is") || is_word("in"))
      return expression_error(tree_.source, next().begin,
                              "comparisons do not chain; join them with and");
    return result;
  }

  /// The literals of "x in ('a', 'b')".
  Parsed parse_choices(Node node, std::size_t first) {
    if (!take_symbol("(")) return unexpected("'(' and a list of values");
    do {
      auto literal = parse_literal();
      if (!literal) return literal;
      node.children.push_back(*literal);
    } while (take_symbol(","));
    if (!take_symbol(")")) return unexpected("',' or ')'");
    return add(std::move(node), first);
  }

  Parsed parse_literal() {
    const std::size_t first = at_;
    const bool is_negative = take_symbol("-");
    if (next().kind == Token::Kind::kNumber) {
      Node node;
      node.number = is_negative ? -next().number : next().number;
      take();
      return add(std::move(node), first);
    }
    if (is_negative) return unexpected("a number");
    if (next().kind != Token::Kind::kText && !is_word("true") && !is_word("false"))
      return unexpected("a value such as 'text', 12 or true");
    return parse_primary();
  }

  /// Operators of one precedence, from left to right.
  template <typename ParseOperand>
  Parsed parse_chain(std::initializer_list<std::pair<std::string_view, NodeKind>> operators,
                     const ParseOperand& parse_operand) {
    const std::size_t first = at_;
    auto left = parse_operand();
    for (;;) {
      if (!left) return left;
      const auto found = std::find_if(operators.begin(), operators.end(),
                                      [this](const auto& one) { return is_symbol(one.first); });
      if (found == operators.end()) return left;
      take();
      auto right = parse_operand();
      if (!right) return right;
      left = add(found->second, {*left, *right}, first);
    }
  }

  Parsed parse_sum() {
    return parse_chain({{"+", NodeKind::kAdd}, {"-", NodeKind::kSubtract}},
                       [this] { return parse_product(); });
  }

  Parsed parse_product() {
    return parse_chain({{"*", NodeKind::kMultiply}, {"/", NodeKind::kDivide}},
                       [this] { return parse_sign(); });
  }

  Parsed parse_sign() {
    if (!is_symbol("-")) return parse_primary();
    return nested([this]() -> Parsed {
      const std::size_t first = at_++;
      auto operand = parse_sign();
      if (!operand) return operand;
      return add(NodeKind::kNegate, {*operand}, first);
    });
  }

  Parsed parse_primary() {
    const std::size_t first = at_;
    const Token& token = next();
    if (take_symbol("(")) {
      auto inner = nested([this] { return parse_or(); });
      if (!inner) return inner;
      if (!take_symbol(")")) return unexpected("an operator or ')'");
      return inner;
    }
    if (token.kind == Token::Kind::kWord) return parse_word();
    Node node;
    if (token.kind == Token::Kind::kNumber) {
      node.number = token.number;
    } else if (token.kind == Token::Kind::kText || token.kind == Token::Kind::kQuotedName) {
      node.is_quoted = token.kind == Token::Kind::kQuotedName;
      node.kind = node.is_quoted ? NodeKind::kFeature : NodeKind::kText;
      node.type = ValueType::kText;
      node.text = token.text;
    } else {
      return unexpected("a name, a value or '('");
    }
    take();
    return add(std::move(node), first);
  }

  /// A function, true or false, or a name.
  Parsed parse_word() {
    const std::size_t first = at_;
    const Token token = next();
    take();
    if (is_symbol("(")) return parse_call(token, first);
    Node node;
    if (token.text == "true" || token.text == "false") {
      node.kind = NodeKind::kBoolean;
      node.type = ValueType::kBoolean;
      node.number = token.text == "true" ? 1 : 0;
      return add(std::move(node), first);
    }
    if (std::find(kKeywords.begin(), kKeywords.end(), token.text) != kKeywords.end())
      return expression_error(
          tree_.source, token.begin,
          fmt::format("expected a name, a value or '(', found the word '{}'; a column of that "
                      "name is written \"{}\"",
                      token.text, token.text));
    node.kind = NodeKind::kFeature;
    node.text = token.text;
    return add(std::move(node), first);
  }

  Parsed parse_call(const Token& name, std::size_t first) {
    const auto function = std::find_if(kFunctions.begin(), kFunctions.end(),
                                       [&](const auto& one) { return one.name == name.text; });
    if (function == kFunctions.end()) return unknown_function(name);
    take();  // the bracket
    std::vector<Index> arguments;
    do {
      auto argument = nested([this] { return parse_or(); });
      if (!argument) return argument;
      arguments.push_back(*argument);
    } while (take_symbol(","));
    if (!take_symbol(")")) return unexpected("an operator, ',' or ')'");
    if (arguments.size() < function->arguments_min || arguments.size() > function->arguments_max)
      return expression_error(
          tree_.source, name.begin,
          fmt::format("{}() takes {}{} argument{}, found {}", function->name,
                      function->arguments_max == kAnyNumber ? "at least " : "",
                      function->arguments_min, function->arguments_min == 1 ? "" : "s",
                      arguments.size()));
    return add(function->kind, std::move(arguments), first);
  }

  core::Error unknown_function(const Token& name) const {
    std::vector<std::string> known;
    for (const FunctionForm& function : kFunctions) known.emplace_back(function.name);
    return expression_error(
        tree_.source, name.begin,
        fmt::format("there is no function {}{}; known: {}", shown_token(name),
                    core::did_you_mean(name.text, known), fmt::join(known, ", ")));
  }

  /// Runs a rule one level deeper, which bounds the recursion whatever the text.
  template <typename Rule>
  Parsed nested(const Rule& rule) {
    if (nesting_ == ExpressionLimits::kNestingMax)
      return core::Error{core::ErrorCode::kResourceExhausted,
                         fmt::format("the expression is nested more than {} levels deep",
                                     ExpressionLimits::kNestingMax)};
    ++nesting_;
    auto parsed = rule();
    --nesting_;
    return parsed;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::uint32_t nesting_ = 0;
  ExpressionTree tree_;
};

}  // namespace

core::Error expression_error(std::string_view source, std::size_t byte, std::string_view message) {
  // Continuation bytes of UTF-8 are no characters of their own.
  const auto before = source.substr(0, byte);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return {core::ErrorCode::kInvalidArgument,
          fmt::format("at character {}: {}", characters + 1, message)};
}

std::string ExpressionTree::snippet(const Node& node) const {
  constexpr std::size_t kShownMax = 40;
  const auto text = source.substr(node.begin, node.end - node.begin);
  if (text.size() <= kShownMax) return std::string(text);
  return std::string(text.substr(0, kShownMax)) + "...";
}

core::Result<ExpressionTree> parse_expression(std::string_view source) {
  if (source.size() > ExpressionLimits::kBytesMax)
    return core::Error{core::ErrorCode::kResourceExhausted,
                       fmt::format("the expression has {} bytes; at most {} are allowed",
                                   source.size(), ExpressionLimits::kBytesMax)};
  auto tokens = expression_tokens(source);
  if (!tokens) return std::move(tokens).error();
  return Parser(source, *std::move(tokens)).parse();
}

}  // namespace tenure::decision
