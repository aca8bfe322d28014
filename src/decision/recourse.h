#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "data/cell.h"
#include "decision/expression.h"

namespace tenure::decision {

/// What could change for a customer so that a model gives them a lower probability: combinations of
/// the actions in section `decision.actions`, cheapest first. An input that no action names stays
/// as it is. The answer is about the model, not about the world: what goes with staying need not be
/// what makes people stay. Immutable; thread-safe.
class Recourse {
 public:
  static constexpr std::size_t kActionsMax = 64;
  static constexpr std::size_t kChangesMax = 6;         ///< actions taken together, at most
  static constexpr std::size_t kEnumeratedChanges = 3;  ///< up to here every combination is tried
  static constexpr std::size_t kEnumeratedMax = 2000;   ///< unless they are more than this
  static constexpr std::size_t kBeamWidth = 32;         ///< then only the best are combined further
  static constexpr std::size_t kOptionsMax = 3;

  /// `inputs` are the columns of the rows to come, in their order. Errors: kInvalidArgument with
  /// line and key: an input that is not known, an expression that does not compile, an action that
  /// sets nothing; kResourceExhausted over kActionsMax.
  static core::Result<Recourse> from_config(const core::Config& config,
                                            std::span<const Vocabulary::Feature> inputs);

  struct Change {
    std::uint32_t input = 0;
    data::Cell from, to;  ///< texts live in the Recourse and in the row that was given
  };
  struct Option {
    std::vector<std::uint32_t> actions;  ///< numbers into actions(), in the order of the file
    std::vector<Change> changes;         ///< inputs that differ afterwards, in their order
    double cost = 0;
    double probability = 0;
  };
  struct Answer {
    double probability = 0;   ///< as things are
    bool is_reached = false;  ///< some option gets to the target, or it is reached already
    /// Up to kOptionsMax. When reached: those that get there, cheapest first, none with an action
    /// that another one shows to be dispensable, and unlike each other as far as there is a choice.
    /// When not: the ones that come nearest, lowest probability first.
    std::vector<Option> options;
    std::size_t tried = 0;  ///< combinations that were scored
  };

  /// Probabilities of rows, given one behind the other.
  using Scorer =
      std::function<std::vector<double>(std::span<const data::Cell> cells, std::size_t rows)>;

  /// Searches for one customer. `probability` is that of the row as it is. Deterministic.
  Answer search(std::span<const data::Cell> row, double probability, double target,
                const Scorer& score) const;

  struct Setting {
    std::uint32_t input = 0;
    std::string text;                  ///< of a text input
    std::optional<Expression> number;  ///< of another: over the row as it is when this is done
    /// Gives a value of its own, as `Contract: One year`, not one that follows the row's.
    bool is_fixed() const { return !number || number->is_constant(); }
  };
  struct Action {
    std::string name;
    std::string label;
    Expression cost;
    Expression eligible;
    std::vector<Setting> settings;
  };
  std::span<const Action> actions() const { return actions_; }
  bool empty() const { return actions_.empty(); }

 private:
  struct Search;
  /// The row after an action; false when it is not for this row, or changes nothing.
  bool apply(const Action& action, std::vector<data::Cell>& row) const;
  bool is_exclusive(std::size_t a, std::size_t b) const {
    return exclusive_[a * actions_.size() + b];
  }

  std::vector<Action> actions_;
  std::vector<bool> exclusive_;  ///< pairs that set the same input to a value of its own
};

}  // namespace tenure::decision
