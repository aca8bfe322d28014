#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/cell.h"
#include "decision/expression_tree.h"
#include "decision/vocabulary.h"

namespace tenure::decision {

/// A small, typed formula over one row, as it stands in tenure.yaml:
/// `Contract = 'Month-to-month' and tenure <= 6`. Language: docs/reference/expressions.md.
///
/// Everything that can be wrong is found by compile(). Evaluation allocates nothing, cannot fail,
/// and takes at most as many steps as the program is long: jumps lead forwards only.
/// Missing values: arithmetic with a missing value is missing, a comparison with one is false, and
/// so is a missing condition. A result that is no finite number (1 / 0, log(0)) is missing.
/// Immutable; thread-safe.
class Expression {
 public:
  /// Reads and checks `text`, whose value must be `wanted`: kNumber or kBoolean.
  /// Errors: kInvalidArgument with the position (syntax, unknown name, type); kResourceExhausted
  /// when it is too long or too deep.
  static core::Result<Expression> compile(std::string_view text, const Vocabulary& vocabulary,
                                          ValueType wanted);

  /// Values of the vocabulary's features and variables, in its order; what a span is too short
  /// for is missing. A cell may hold another kind than its feature has: a number counts as its
  /// shortest text where text is wanted, other mismatches are missing.
  struct Row {
    std::span<const data::Cell> cells;
    std::span<const double> variables = {};
  };

  /// The value of a numeric expression; NaN = missing.
  double number(const Row& row) const noexcept;

  enum class Truth : std::uint8_t { kFalse, kTrue, kMissing };
  /// The value of a boolean expression. Only a boolean feature by itself, or one that if() or
  /// coalesce() passes on, can make it missing.
  Truth truth(const Row& row) const noexcept;
  bool is_true(const Row& row) const noexcept { return truth(row) == Truth::kTrue; }

  ValueType type() const { return type_; }
  bool is_constant() const { return is_constant_; }  ///< reads no feature and no variable
  bool reads(std::size_t feature) const;             ///< that one, by its place in the vocabulary
  const std::string& text() const { return text_; }  ///< as it was written

 private:
  enum class Op : std::uint8_t {
    kNumber,       ///< push `number`
    kText,         ///< push texts_[a]
    kLoadNumber,   ///< push the number in cell a
    kLoadBoolean,  ///< push 0 or 1
    kLoadText,
    kLoadVariable,
    kNegate,
    kAbs,
    kFloor,
    kLog,
    kExp,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kMin,
    kMax,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kEqualText,
    kNotEqualText,
    kInNumbers,  ///< among numbers_[a, b), ascending
    kNotInNumbers,
    kInTexts,  ///< among texts_[a, b), ascending
    kNotInTexts,
    kIsMissing,
    kIsPresent,
    kNot,
    kTruth,          ///< missing becomes false
    kAndJump,        ///< top not true: make it false, go to a; else pop
    kOrJump,         ///< top true: go to a; else pop
    kJumpUnless,     ///< pop; go to a when it was not true
    kJump,           ///< go to a
    kJumpIfPresent,  ///< top not missing: go to a; else pop
  };
  struct Instruction {
    Op op = Op::kNumber;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    double number = 0;
  };
  struct Compiler;
  struct Stack;

  /// Values that can wait at once: a comparison, a sum, a product and a min() or max() on each
  /// level of nesting.
  static constexpr std::size_t kStackMax = 4 * (ExpressionLimits::kNestingMax + 1) + 8;

  double run(const Row& row) const noexcept;

  std::string text_;
  ValueType type_ = ValueType::kNumber;
  bool is_constant_ = true;
  std::vector<Instruction> program_;
  std::vector<double> numbers_;
  std::vector<std::string> texts_;
};

}  // namespace tenure::decision
