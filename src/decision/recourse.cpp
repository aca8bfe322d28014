#include "decision/recourse.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/nearest.h"
#include "decision/config_expression.h"

namespace tenure::decision {
namespace {

using data::Cell;

bool is_equal(const Cell& a, const Cell& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Cell::Kind::kText) return a.text == b.text;
  return a.kind != Cell::Kind::kNumber || a.number == b.number;
}

/// Whether every action of `part` is in `whole`; both ascending.
bool is_part_of(const std::vector<std::uint32_t>& part, const std::vector<std::uint32_t>& whole) {
  return std::ranges::includes(whole, part);
}

/// Shared actions by all actions of two options: 1 = the same.
double likeness(const Recourse::Option& a, const Recourse::Option& b) {
  std::vector<std::uint32_t> shared;
  std::ranges::set_intersection(a.actions, b.actions, std::back_inserter(shared));
  const std::size_t all = a.actions.size() + b.actions.size() - shared.size();
  return all == 0 ? 1 : static_cast<double>(shared.size()) / static_cast<double>(all);
}

std::size_t combinations_up_to_three(std::size_t n) {
  const std::size_t pairs = n * (n - 1) / 2;
  return n < 2 ? n : n + pairs + pairs * (n - 2) / 3;
}

core::Result<Recourse::Setting> read_setting(const core::Config& entry, const std::string& input,
                                             const Vocabulary& vocabulary) {
  const std::string key = "sets." + input;
  const auto known = std::ranges::find(vocabulary.features, input, &Vocabulary::Feature::name);
  if (known == vocabulary.features.end()) {
    std::vector<std::string> names;
    for (const Vocabulary::Feature& feature : vocabulary.features) names.push_back(feature.name);
    return entry.error_at(
        key, fmt::format("is no input of the model{}", core::did_you_mean(input, names)));
  }
  Recourse::Setting setting;
  setting.input = static_cast<std::uint32_t>(known - vocabulary.features.begin());
  if (known->type == ValueType::kText) {
    setting.text = entry.text(key);
    return setting;
  }
  auto number = read_expression(entry, key, vocabulary, known->type);
  if (!number) return std::move(number).error();
  setting.number = *std::move(number);
  return setting;
}

}  // namespace

core::Result<Recourse> Recourse::from_config(const core::Config& config,
                                             std::span<const Vocabulary::Feature> inputs) {
  const core::Config section = config.at("decision.actions");
  const Vocabulary vocabulary{.features = {inputs.begin(), inputs.end()}, .variables = {}};
  Recourse recourse;
  for (const std::string& name : section.names("")) {
    if (recourse.actions_.size() == kActionsMax)
      return core::Error{core::ErrorCode::kResourceExhausted,
                         fmt::format("decision.actions: more than {} actions", kActionsMax)};
    const core::Config entry = section.entry(name);
    auto cost = read_number_expression(entry, "cost", vocabulary, {.low = 0, .high = 1e15});
    if (!cost) return std::move(cost).error();
    auto eligible = read_expression(entry, "eligible", vocabulary, ValueType::kBoolean);
    if (!eligible) return std::move(eligible).error();
    std::string label = entry.text("label");
    if (label.empty()) label = name;
    Action action{.name = name,
                  .label = std::move(label),
                  .cost = *std::move(cost),
                  .eligible = *std::move(eligible),
                  .settings = {}};
    for (const std::string& input : entry.names("sets")) {
      auto setting = read_setting(entry, input, vocabulary);
      if (!setting) return std::move(setting).error();
      action.settings.push_back(*std::move(setting));
    }
    if (action.settings.empty())
      return entry.error_at("sets",
                            "is empty; expected inputs and what the action makes of them, "
                            "such as {Contract: One year}");
    recourse.actions_.push_back(std::move(action));
  }
  // Two actions that give one input a value of its own cannot both be taken; expressions over the
  // row, such as MonthlyCharges + 5, are worked out one after the other.
  const auto fixed_inputs = [](const Action& action) {
    std::vector<std::uint32_t> fixed;
    for (const Setting& setting : action.settings)
      if (setting.is_fixed()) fixed.push_back(setting.input);
    return fixed;
  };
  const std::size_t n = recourse.actions_.size();
  recourse.exclusive_.assign(n * n, false);
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < n; ++b) {
      const auto of_b = fixed_inputs(recourse.actions_[b]);
      recourse.exclusive_[a * n + b] =
          a == b ||
          std::ranges::any_of(fixed_inputs(recourse.actions_[a]), [&](std::uint32_t input) {
            return std::ranges::find(of_b, input) != of_b.end();
          });
    }
  }
  return recourse;
}

bool Recourse::apply(const Action& action, std::vector<Cell>& row) const {
  if (!action.eligible.is_true({.cells = row})) return false;
  const std::vector<Cell> before = row;
  // Who has technical support already is not given it once more for another five a month.
  const bool has_fixed = std::ranges::any_of(action.settings, &Setting::is_fixed);
  bool is_changed = false;
  for (const Setting& setting : action.settings) {
    Cell& cell = row[setting.input];
    Cell value = Cell::of(setting.text);
    if (setting.number) {
      // All settings of one action start from the same row.
      double number = 0;
      if (setting.number->type() == ValueType::kBoolean) {
        const auto truth = setting.number->truth({.cells = before});
        if (truth == Expression::Truth::kMissing) return false;
        number = truth == Expression::Truth::kTrue ? 1 : 0;
      } else {
        number = setting.number->number({.cells = before});
      }
      if (std::isnan(number)) return false;
      value = Cell::of(number);
    }
    if (setting.is_fixed() || !has_fixed) is_changed |= !is_equal(cell, value);
    cell = value;
  }
  return is_changed;
}

/// One search: candidates by the number of their actions.
struct Recourse::Search {
  const Recourse& recourse;
  std::span<const Cell> row;
  double target;
  const Scorer& score;
  std::vector<double> costs = {};  ///< by action, for this customer; NaN = not to be had
  std::vector<Option> tried = {};

  /// The row with these actions taken, in the order of the file; nothing when one does not apply.
  std::optional<std::vector<Cell>> with(const std::vector<std::uint32_t>& actions) const {
    std::vector<Cell> cells(row.begin(), row.end());
    for (const std::uint32_t action : actions)
      if (!recourse.apply(recourse.actions_[action], cells)) return std::nullopt;
    return cells;
  }

  bool fits(const std::vector<std::uint32_t>& actions, std::uint32_t more) const {
    return std::ranges::none_of(
        actions, [&](std::uint32_t action) { return recourse.is_exclusive(action, more); });
  }

  /// Scores the combinations in one batch. Returns where they begin in `tried`.
  std::size_t add(const std::vector<std::vector<std::uint32_t>>& combinations) {
    const std::size_t first = tried.size();
    std::vector<Cell> cells;
    for (const auto& actions : combinations) {
      const auto changed = with(actions);
      if (!changed) continue;
      Option option{.actions = actions, .changes = {}};
      for (std::uint32_t i = 0; i < row.size(); ++i)
        if (!is_equal(row[i], (*changed)[i])) option.changes.push_back({i, row[i], (*changed)[i]});
      if (option.changes.empty()) continue;
      for (const std::uint32_t action : actions) option.cost += costs[action];
      tried.push_back(std::move(option));
      cells.insert(cells.end(), changed->begin(), changed->end());
    }
    if (tried.size() == first) return first;
    const std::vector<double> probabilities = score(cells, tried.size() - first);
    for (std::size_t i = first; i < tried.size(); ++i)
      tried[i].probability = probabilities[i - first];
    return first;
  }

  bool is_reached() const {
    return std::ranges::any_of(tried,
                               [&](const Option& each) { return each.probability <= target; });
  }

  /// Every combination with one action more than those of the level that began at `first`, or than
  /// the best of them.
  std::vector<std::vector<std::uint32_t>> grow(std::size_t first, bool is_beam) const {
    std::vector<std::uint32_t> parents;
    for (std::size_t i = first; i < tried.size(); ++i)
      parents.push_back(static_cast<std::uint32_t>(i));
    std::ranges::stable_sort(parents, {}, [&](std::uint32_t i) { return tried[i].probability; });
    if (is_beam && parents.size() > kBeamWidth) parents.resize(kBeamWidth);
    std::vector<std::vector<std::uint32_t>> grown;
    for (const std::uint32_t parent : parents) {
      for (std::uint32_t action = 0; action < costs.size(); ++action) {
        const std::vector<std::uint32_t>& old = tried[parent].actions;
        if (std::isnan(costs[action]) || !fits(old, action)) continue;
        std::vector<std::uint32_t> actions = old;
        actions.insert(std::ranges::lower_bound(actions, action), action);
        grown.push_back(std::move(actions));
      }
    }
    std::ranges::sort(grown);
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    return grown;
  }

  void run() {
    std::vector<std::vector<std::uint32_t>> level;
    for (std::uint32_t i = 0; i < recourse.actions_.size(); ++i) {
      const double cost = recourse.actions_[i].cost.number({.cells = row});
      costs.push_back(std::isnan(cost) ? cost : std::max(cost, 0.0));
      if (!std::isnan(cost)) level.push_back({i});
    }
    std::size_t first = add(level);
    // An action that needs another one first is in no level above, so all count here.
    const bool is_all = combinations_up_to_three(level.size()) <= kEnumeratedMax;
    for (std::size_t size = 2; size <= kChangesMax; ++size) {
      if (size > kEnumeratedChanges && is_reached()) break;
      level = grow(first, !is_all || size > kEnumeratedChanges);
      if (level.empty()) break;
      first = add(level);
    }
  }

  /// Options that get to the target without an action they could do without.
  std::vector<Option> enough() const {
    std::vector<Option> reached;
    for (const Option& option : tried) {
      if (!(option.probability <= target)) continue;
      const bool is_minimal = std::ranges::none_of(tried, [&](const Option& other) {
        return other.actions.size() < option.actions.size() && other.probability <= target &&
               is_part_of(other.actions, option.actions);
      });
      if (is_minimal) reached.push_back(option);
    }
    std::ranges::stable_sort(reached, {}, [](const Option& option) {
      return std::tuple(option.cost, option.actions.size(), option.probability);
    });
    return reached;
  }

  std::vector<Option> nearest() const {
    std::vector<Option> all = tried;
    std::ranges::stable_sort(
        all, {}, [](const Option& option) { return std::tuple(option.probability, option.cost); });
    return all;
  }
};

namespace {

/// The first ones, passing over what is much like an earlier one as long as there is something
/// else.
std::vector<Recourse::Option> unlike_each_other(std::vector<Recourse::Option> sorted) {
  constexpr double kAlike = 0.5;
  std::vector<Recourse::Option> chosen;
  for (const double limit : {kAlike, 1.0}) {
    for (const Recourse::Option& option : sorted) {
      if (chosen.size() == Recourse::kOptionsMax) break;
      const bool is_alike = std::ranges::any_of(
          chosen, [&](const Recourse::Option& other) { return likeness(option, other) >= limit; });
      if (!is_alike) chosen.push_back(option);
    }
  }
  // What was filled up at the end goes where it belongs.
  std::vector<Recourse::Option> ordered;
  for (Recourse::Option& option : sorted) {
    const bool is_chosen = std::ranges::any_of(
        chosen, [&](const Recourse::Option& other) { return other.actions == option.actions; });
    if (is_chosen) ordered.push_back(std::move(option));
  }
  return ordered;
}

}  // namespace

Recourse::Answer Recourse::search(std::span<const Cell> row, double probability, double target,
                                  const Scorer& score) const {
  Answer answer{.probability = probability, .is_reached = probability <= target, .options = {}};
  if (answer.is_reached || actions_.empty()) return answer;
  Search search{.recourse = *this, .row = row, .target = target, .score = score};
  search.run();
  answer.tried = search.tried.size();
  answer.is_reached = search.is_reached();
  answer.options = unlike_each_other(answer.is_reached ? search.enough() : search.nearest());
  return answer;
}

}  // namespace tenure::decision
