#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "decision/vocabulary.h"

namespace tenure::decision {

enum class NodeKind : std::uint8_t {
  kNumber,   ///< literal
  kText,     ///< literal
  kBoolean,  ///< literal; `number` is 0 or 1
  kFeature,  ///< `slot` is its cell
  kVariable,
  kNegate,
  kNot,
  kAnd,  ///< two children or more, as kOr, kMin, kMax and kCoalesce (which may have one)
  kOr,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,         ///< child 0 among the literals that follow
  kIsMissing,  ///< one child, of any type
  kMin,
  kMax,
  kAbs,
  kFloor,
  kLog,
  kExp,
  kIf,  ///< condition, then, else
  kCoalesce,
};

/// One node of a parsed expression. Children are indexes into ExpressionTree::nodes and lie before
/// their parent.
struct Node {
  NodeKind kind = NodeKind::kNumber;
  bool is_negated = false;   ///< kIn and kIsMissing: "not in", "is not missing"
  bool is_quoted = false;    ///< names: written in double quotes
  std::uint32_t begin = 0;   ///< bytes of the text that the node was read from
  std::uint32_t end = 0;     ///< one past the last
  std::uint32_t height = 1;  ///< longest way down to a leaf
  double number = 0;         ///< of a literal
  std::string text;          ///< of a literal, or the name
  std::vector<std::uint32_t> children;
  ValueType type = ValueType::kNumber;  ///< set by the checker for all but literals
  std::uint32_t slot = 0;               ///< set by the checker for names
};

struct ExpressionTree {
  std::string_view source;  ///< borrowed from the caller of the parser
  std::vector<Node> nodes;
  std::uint32_t root = 0;

  /// What a node was read from, cut to a length fit for a message.
  std::string snippet(const Node& node) const;
};

struct ExpressionLimits {
  static constexpr std::size_t kBytesMax = 4096;
  static constexpr std::uint32_t kNestingMax =
      32;  ///< brackets, calls, signs and nots inside one another
  static constexpr std::uint32_t kHeightMax = 256;  ///< of the tree: also bounds 1 + 1 + 1 + ...
};

/// "at character 14: <message>", where `byte` is an offset into `source` and characters count
/// from 1.
core::Error expression_error(std::string_view source, std::size_t byte, std::string_view message);

}  // namespace tenure::decision
