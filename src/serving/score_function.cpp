#include "serving/score_function.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "core/id.h"

namespace tenure::serving {
namespace {

using learn::Transform;

/// What all calls of one function share.
struct Scorer {
  learn::Model model;
  ScoreFunctionOptions options;
  std::vector<std::size_t> decisive = {};  ///< inputs that the policy reads

  /// The value of a text of an input; nothing = it is missing.
  std::optional<std::string_view> value(std::size_t input,
                                        std::optional<std::string_view> text) const {
    const std::optional<data::TextRule>& rule = options.written[input];
    if (!rule) return text;
    return text ? rule->value(*text) : rule->missing();
  }

  /// The category that a text of an input stands for; nothing = no text is there.
  std::uint32_t code(std::size_t input, std::optional<std::string_view> text) const {
    text = value(input, text);
    return text ? model.transform().category_code(input, *text) : Transform::kMissingCategory;
  }
};

/// Remembers the codes of the texts of one column that were seen last. A column of categories has
/// few, so that nearly every text is one of these.
class CodeMemory {
 public:
  template <typename Code>
  std::uint32_t code(const data::FunctionRows& rows, std::size_t column, std::size_t row,
                     const Code& code) {
    const auto key = rows.text_key(column, row);
    if (key.holds_text()) {
      Slot& slot = slot_of(key.words[0], key.words[1]);
      if (!slot.is_used || slot.key != key)
        slot = {.key = key, .text = {}, .code = code(), .is_used = true};
      return slot.code;
    }
    // The first word has the length and the beginning. Where a longer text lies says nothing: the
    // engine copies them.
    const std::string_view text = rows.text(column, row);
    std::uint64_t end = 0;
    std::memcpy(&end, text.data() + text.size() - sizeof end, sizeof end);
    Slot& slot = slot_of(key.words[0], end);
    if (!slot.is_used || slot.key.words[0] != key.words[0] || slot.text != text)
      slot = {.key = key, .text = std::string(text), .code = code(), .is_used = true};
    return slot.code;
  }

 private:
  struct Slot {
    data::FunctionRows::TextKey key;
    std::string text;  ///< when the key does not hold it
    std::uint32_t code = 0;
    bool is_used = false;
  };
  Slot& slot_of(std::uint64_t a, std::uint64_t b) {
    return slots_[(a * 0x9E3779B97F4A7C15 ^ b * 0xC2B2AE3D27D4EB4F) >> 58U];
  }
  std::array<Slot, 64> slots_;
};

/// What one thread uses from call to call.
struct Scratch {
  std::weak_ptr<const Scorer> owner;  ///< whose codes are remembered
  std::vector<CodeMemory> memories;
  std::vector<std::vector<double>> numbers;
  std::vector<std::vector<std::uint32_t>> codes;
  learn::Model::RowsScratch rows;
  std::vector<learn::Model::Score> scores;
  std::vector<data::Cell> cells;  ///< of one row, for the policy

  void belong_to(const std::shared_ptr<const Scorer>& scorer, std::size_t columns) {
    if (owner.owner_before(scorer) || scorer.owner_before(owner)) {
      owner = scorer;
      memories.assign(columns, {});
    }
    numbers.resize(columns);
    codes.resize(columns);
  }
};

Transform::InputColumn read_numbers(const data::FunctionRows& rows, std::size_t column,
                                    Scratch& scratch) {
  std::vector<double>& numbers = scratch.numbers[column];
  numbers.resize(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row)
    numbers[row] = rows.is_null(column, row) ? std::numeric_limits<double>::quiet_NaN()
                                             : rows.number(column, row);
  return {.numbers = numbers, .codes = {}};
}

Transform::InputColumn read_codes(const Scorer& scorer, const data::FunctionRows& rows,
                                  std::size_t column, Scratch& scratch) {
  std::vector<std::uint32_t>& codes = scratch.codes[column];
  codes.resize(rows.size());
  const std::uint32_t missing = scorer.code(column, std::nullopt);
  CodeMemory& memory = scratch.memories[column];
  for (std::size_t row = 0; row < rows.size(); ++row)
    codes[row] = rows.is_null(column, row) ? missing : memory.code(rows, column, row, [&] {
      return scorer.code(column, rows.text(column, row));
    });
  return {.numbers = {}, .codes = codes};
}

/// What the policy sees of a row: as the row is for whoever reads it as a table.
data::Cell read_cell(const Scorer& scorer, const data::FunctionRows& rows, std::size_t column,
                     std::size_t row) {
  const bool is_null = rows.is_null(column, row);
  if (!rows.is_text(column))
    return is_null ? data::Cell::null() : data::Cell::of(rows.number(column, row));
  const auto text =
      scorer.value(column, is_null ? std::nullopt : std::optional(rows.text(column, row)));
  return text ? data::Cell::of(*text) : data::Cell::null();
}

/// Gives the probabilities of positive rows a sign.
void mark_positives(const Scorer& scorer, const data::FunctionRows& rows, Scratch& scratch,
                    std::span<double> out) {
  scratch.cells.assign(rows.column_count(), data::Cell());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const std::size_t column : scorer.decisive)
      scratch.cells[column] = read_cell(scorer, rows, column, row);
    if (scorer.options.policy->is_positive(scratch.cells, out[row]))
      out[row] = std::copysign(out[row], -1.0);
  }
}

void score_rows(const std::shared_ptr<const Scorer>& scorer, const data::FunctionRows& rows,
                std::span<double> out) {
  // Threads belong to the engine; each keeps its buffers.
  thread_local Scratch scratch;
  scratch.belong_to(scorer, rows.column_count());
  std::vector<Transform::InputColumn> columns;
  columns.reserve(rows.column_count());
  for (std::size_t column = 0; column < rows.column_count(); ++column)
    columns.push_back(rows.is_text(column) ? read_codes(*scorer, rows, column, scratch)
                                           : read_numbers(rows, column, scratch));
  scratch.scores.resize(rows.size());
  scorer->model.score_rows(columns, scratch.rows, scratch.scores);
  for (std::size_t row = 0; row < rows.size(); ++row)
    out[row] = static_cast<double>(scratch.scores[row].probability);
  if (scorer->options.policy) mark_positives(*scorer, rows, scratch, out);
}

}  // namespace

core::Result<std::string> add_score_function(data::Engine& engine, const learn::Model& model,
                                             ScoreFunctionOptions options) {
  std::string name = "tenure_score_" + core::random_hex_id().substr(0, 12);
  std::vector<data::ColumnType> parameters;
  for (const learn::InputField& input : model.transform().inputs())
    parameters.push_back(input.is_category() ? data::ColumnType::kText : data::ColumnType::kNumber);
  options.written.resize(parameters.size());
  Scorer made{model, std::move(options)};
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (made.options.policy && made.options.policy->reads(i)) made.decisive.push_back(i);
  auto added = engine.add_function(
      name, parameters,
      [scorer = std::make_shared<const Scorer>(std::move(made))](
          const data::FunctionRows& rows, std::span<double> out) -> core::Result<> {
        score_rows(scorer, rows, out);
        if (scorer->options.on_rows) return scorer->options.on_rows(rows.size());
        return {};
      });
  if (!added) return std::move(added).error();
  return name;
}

std::string score_call(const std::string& function, const learn::Model& model,
                       std::span<const std::string> columns) {
  std::string arguments;
  const auto inputs = model.transform().inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string column = data::quote_identifier(columns[i]);
    arguments += i == 0 ? "" : ", ";
    arguments += inputs[i].is_category() ? column
                 : inputs[i].type == data::ColumnType::kTimestamp
                     ? fmt::format("CAST(epoch_us({}) AS DOUBLE)", column)
                     : fmt::format("CAST({} AS DOUBLE)", column);
  }
  return fmt::format("{}({})", function, arguments);
}

}  // namespace tenure::serving
