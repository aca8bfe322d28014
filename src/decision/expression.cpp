#include "decision/expression.h"

#include <algorithm>

#include "core/assert.h"
#include "decision/expression_checker.h"
#include "decision/expression_parser.h"

namespace tenure::decision {

/// Turns a checked tree into a program.
struct Expression::Compiler {
  const ExpressionTree& tree;
  Expression& out;
  std::size_t depth = 0;  ///< values on the stack at this point of the program

  std::uint32_t here() const { return static_cast<std::uint32_t>(out.program_.size()); }

  void emit(Op op, std::uint32_t a = 0, std::uint32_t b = 0, double number = 0) {
    out.program_.push_back({op, a, b, number});
  }
  void push(Op op, std::uint32_t a = 0, double number = 0) {
    emit(op, a, 0, number);
    ++depth;
    TENURE_ASSERT(depth <= kStackMax);
  }
  void load(Op op, std::uint32_t slot) {
    out.is_constant_ = false;
    push(op, slot);
  }
  std::size_t emit_jump(Op op) {
    emit(op);
    return out.program_.size() - 1;
  }
  void land(std::size_t jump) { out.program_[jump].a = here(); }

  void unary(const Node& node, Op op) {
    compile(node.children[0]);
    emit(op);
  }
  /// Folds the operands from the left.
  void chain(const Node& node, Op op) {
    compile(node.children[0]);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      compile(node.children[i]);
      emit(op);
      --depth;
    }
  }
  bool compares_texts(const Node& node) const {
    return tree.nodes[node.children[0]].type == ValueType::kText;
  }

  /// and, or, coalesce: the first operand that settles the matter stays on the stack.
  void first_of(const Node& node, Op jump) {
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      compile(node.children[i]);
      if (i + 1 == node.children.size()) break;
      jumps.push_back(emit_jump(jump));
      --depth;
    }
    if (jump != Op::kJumpIfPresent) emit(Op::kTruth);
    for (const std::size_t one : jumps) land(one);
  }

  void choice(const Node& node) {
    compile(node.children[0]);
    const std::size_t otherwise = emit_jump(Op::kJumpUnless);
    --depth;
    compile(node.children[1]);
    const std::size_t end = emit_jump(Op::kJump);
    --depth;
    land(otherwise);
    compile(node.children[2]);
    land(end);
  }

  void membership(const Node& node) {
    compile(node.children[0]);
    if (compares_texts(node)) {
      const auto first = static_cast<std::uint32_t>(out.texts_.size());
      for (std::size_t i = 1; i < node.children.size(); ++i)
        out.texts_.push_back(tree.nodes[node.children[i]].text);
      std::sort(out.texts_.begin() + first, out.texts_.end());
      emit(node.is_negated ? Op::kNotInTexts : Op::kInTexts, first,
           static_cast<std::uint32_t>(out.texts_.size()));
      return;
    }
    const auto first = static_cast<std::uint32_t>(out.numbers_.size());
    for (std::size_t i = 1; i < node.children.size(); ++i)
      out.numbers_.push_back(tree.nodes[node.children[i]].number);
    std::sort(out.numbers_.begin() + first, out.numbers_.end());
    emit(node.is_negated ? Op::kNotInNumbers : Op::kInNumbers, first,
         static_cast<std::uint32_t>(out.numbers_.size()));
  }

  void leaf(const Node& node) {
    if (node.kind == NodeKind::kText) {
      out.texts_.push_back(node.text);
      push(Op::kText, static_cast<std::uint32_t>(out.texts_.size() - 1));
    } else if (node.kind == NodeKind::kVariable) {
      load(Op::kLoadVariable, node.slot);
    } else if (node.kind == NodeKind::kFeature) {
      load(node.type == ValueType::kText      ? Op::kLoadText
           : node.type == ValueType::kBoolean ? Op::kLoadBoolean
                                              : Op::kLoadNumber,
           node.slot);
    } else {
      push(Op::kNumber, 0, node.number);
    }
  }

  // The recursion is as deep as the tree, which the parser bounds.
  void compile(std::uint32_t index) {
    const Node& node = tree.nodes[index];
    switch (node.kind) {
      case NodeKind::kNumber:
      case NodeKind::kText:
      case NodeKind::kBoolean:
      case NodeKind::kFeature:
      case NodeKind::kVariable:
        return leaf(node);
      case NodeKind::kNegate:
        return unary(node, Op::kNegate);
      case NodeKind::kNot:
        return unary(node, Op::kNot);
      case NodeKind::kAnd:
        return first_of(node, Op::kAndJump);
      case NodeKind::kOr:
        return first_of(node, Op::kOrJump);
      case NodeKind::kCoalesce:
        return first_of(node, Op::kJumpIfPresent);
      case NodeKind::kAdd:
        return chain(node, Op::kAdd);
      case NodeKind::kSubtract:
        return chain(node, Op::kSubtract);
      case NodeKind::kMultiply:
        return chain(node, Op::kMultiply);
      case NodeKind::kDivide:
        return chain(node, Op::kDivide);
      case NodeKind::kMin:
        return chain(node, Op::kMin);
      case NodeKind::kMax:
        return chain(node, Op::kMax);
      case NodeKind::kLess:
        return chain(node, Op::kLess);
      case NodeKind::kLessEqual:
        return chain(node, Op::kLessEqual);
      case NodeKind::kGreater:
        return chain(node, Op::kGreater);
      case NodeKind::kGreaterEqual:
        return chain(node, Op::kGreaterEqual);
      case NodeKind::kEqual:
        return chain(node, compares_texts(node) ? Op::kEqualText : Op::kEqual);
      case NodeKind::kNotEqual:
        return chain(node, compares_texts(node) ? Op::kNotEqualText : Op::kNotEqual);
      case NodeKind::kIn:
        return membership(node);
      case NodeKind::kIsMissing:
        return unary(node, node.is_negated ? Op::kIsPresent : Op::kIsMissing);
      case NodeKind::kAbs:
        return unary(node, Op::kAbs);
      case NodeKind::kFloor:
        return unary(node, Op::kFloor);
      case NodeKind::kLog:
        return unary(node, Op::kLog);
      case NodeKind::kExp:
        return unary(node, Op::kExp);
      case NodeKind::kIf:
        return choice(node);
    }
  }
};

core::Result<Expression> Expression::compile(std::string_view text, const Vocabulary& vocabulary,
                                             ValueType wanted) {
  TENURE_ASSERT(wanted != ValueType::kText);
  auto tree = parse_expression(text);
  if (!tree) return std::move(tree).error();
  if (auto checked = check_expression(*tree, vocabulary, wanted); !checked)
    return std::move(checked).error();
  Expression expression;
  expression.text_ = text;
  expression.type_ = wanted;
  Compiler{*tree, expression}.compile(tree->root);
  return expression;
}

bool Expression::reads(std::size_t feature) const {
  return std::ranges::any_of(program_, [feature](const Instruction& step) {
    const bool is_load =
        step.op == Op::kLoadNumber || step.op == Op::kLoadBoolean || step.op == Op::kLoadText;
    return is_load && step.a == feature;
  });
}

}  // namespace tenure::decision
