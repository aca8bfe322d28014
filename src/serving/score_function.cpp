#include "serving/score_function.h"

#include <memory>
#include <vector>

#include <fmt/format.h>

#include "core/id.h"
#include "data/cell.h"

namespace tenure::serving {
namespace {

/// What one thread uses from call to call.
struct Scratch {
  std::vector<data::Cell> cells;
  learn::Model::RowsScratch rows;
  std::vector<learn::Model::Score> scores;
};

void read_column(const data::FunctionRows& rows, std::size_t column,
                 std::vector<data::Cell>& cells) {
  const std::size_t stride = rows.column_count();
  const bool is_text = rows.is_text(column);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    data::Cell& cell = cells[row * stride + column];
    if (rows.is_null(column, row)) {
      cell = data::Cell::null();
    } else if (is_text) {
      cell = data::Cell::of(rows.text(column, row));
    } else {
      cell = data::Cell::of(rows.number(column, row));
    }
  }
}

void score_rows(const learn::Model& model, const data::FunctionRows& rows, std::span<double> out) {
  // Threads belong to the engine; each keeps its buffers.
  thread_local Scratch scratch;
  scratch.cells.resize(rows.size() * rows.column_count());
  scratch.scores.resize(rows.size());
  for (std::size_t column = 0; column < rows.column_count(); ++column)
    read_column(rows, column, scratch.cells);
  model.score_rows(scratch.cells, scratch.rows, scratch.scores);
  for (std::size_t row = 0; row < rows.size(); ++row)
    out[row] = static_cast<double>(scratch.scores[row].probability);
}

}  // namespace

core::Result<std::string> add_score_function(data::Engine& engine, const learn::Model& model) {
  std::string name = "tenure_score_" + core::random_hex_id().substr(0, 12);
  std::vector<data::ColumnType> parameters;
  for (const learn::InputField& input : model.transform().inputs())
    parameters.push_back(input.is_category() ? data::ColumnType::kText : data::ColumnType::kNumber);
  auto added = engine.add_function(
      name, parameters,
      [kept = std::make_shared<const learn::Model>(model)](
          const data::FunctionRows& rows, std::span<double> out) -> core::Result<> {
        score_rows(*kept, rows, out);
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
