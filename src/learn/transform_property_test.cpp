#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/json.h"
#include "core/random.h"
#include "learn/transform.h"

namespace tenure::learn {
namespace {

/// A random table with its inputs and a random wish, made from one seed so that RapidCheck can
/// print and shrink it.
struct Scenario {
  data::Table table;
  data::Table unseen;  ///< same columns, other values: what serving meets
  std::vector<InputField> inputs;
  TransformSpec spec;
  std::vector<std::uint32_t> rows;  ///< fitted
  std::vector<std::uint8_t> labels;

  core::Result<Transform> fit() const { return Transform::fit(spec, inputs, table, rows, labels); }
};

const std::vector<std::string> kTexts = {"",      "Yes",   "No",      "Two year", "α β", "日本",
                                         "1",     "2.5",   "-0",      "null",     "a=b", "a*b",
                                         "\"q\"", "1e+20", "(other)", "x\ty"};
const std::vector<double> kOddNumbers = {0.0,
                                         -0.0,
                                         1,
                                         2.5,
                                         -1,
                                         -0.999999,
                                         1e20,
                                         1e300,
                                         -1e300,
                                         5e-324,
                                         std::numeric_limits<double>::infinity(),
                                         -std::numeric_limits<double>::infinity(),
                                         std::numeric_limits<double>::quiet_NaN()};

data::Column number_column(core::Random& random, const std::string& name, std::size_t rows,
                           bool is_log, bool is_seen) {
  std::vector<double> values;
  const std::uint64_t style = random.below(3);
  for (std::size_t i = 0; i < rows; ++i) {
    double x = style == 0   ? kOddNumbers[random.below(kOddNumbers.size())]
               : style == 1 ? random.normal() * 100
                            : static_cast<double>(random.below(5));
    // The fit refuses to take logarithms of such values; serving must live with them.
    if (is_log && is_seen && x <= -1) x = -x;
    values.push_back(x);
  }
  return data::Column::of_numbers(name, std::move(values));
}

data::Column text_column(core::Random& random, const std::string& name, std::size_t rows) {
  std::vector<std::string> values;
  // Enough for target means in one column of three.
  const bool is_long = random.bernoulli(0.33);
  const std::uint64_t variety = 1 + random.below(kTexts.size());
  for (std::size_t i = 0; i < rows; ++i) {
    values.push_back(kTexts[random.below(variety)]);
    if (is_long) values.back() += std::to_string(random.below(60));
  }
  data::Column column = data::Column::of_texts(name, values);
  if (random.bernoulli(0.5)) {
    column.valid.resize(rows);
    for (auto& valid : column.valid) valid = random.bernoulli(0.8) ? 1 : 0;
  }
  return column;
}

Scenario make_scenario(std::uint64_t seed) {
  core::Random random(seed);
  Scenario scenario;
  const std::vector<std::string> imputes = {"none", "median", "mean", "zero"};
  scenario.spec.impute = imputes[random.below(4)];
  scenario.spec.scale = random.bernoulli(0.5) ? "standard" : "none";
  scenario.spec.encode = random.bernoulli(0.5) ? "target" : "onehot";
  scenario.spec.categories_max = static_cast<std::uint32_t>(2 + random.below(8));
  const std::size_t rows = 1 + random.below(300);
  const std::size_t columns = 1 + random.below(6);
  for (std::size_t c = 0; c < columns; ++c) {
    const std::string name = std::string(1, static_cast<char>('a' + c)) + (c == 2 ? "=Yes" : "");
    if (random.bernoulli(0.5)) {
      scenario.inputs.push_back({.name = name, .type = data::ColumnType::kText});
      // Categories that a file stored as numbers come as a column of numbers.
      const bool is_coded = random.bernoulli(0.3);
      for (data::Table* table : {&scenario.table, &scenario.unseen})
        table->columns.push_back(is_coded ? number_column(random, name, rows, false, true)
                                          : text_column(random, name, rows));
    } else {
      scenario.inputs.push_back({.name = name, .type = data::ColumnType::kNumber});
      const bool is_log = random.bernoulli(0.4);
      if (is_log) scenario.spec.log.push_back(name);
      scenario.table.columns.push_back(number_column(random, name, rows, is_log, true));
      scenario.unseen.columns.push_back(number_column(random, name, rows, is_log, false));
    }
  }
  for (std::uint64_t i = random.below(4); i > 0 && columns > 1; --i) {
    const std::size_t a = random.below(columns);
    const std::size_t b = (a + 1 + random.below(columns - 1)) % columns;
    scenario.spec.crosses.push_back(scenario.inputs[a].name + " * " + scenario.inputs[b].name);
  }
  for (std::uint32_t row = 0; row < rows; ++row)
    if (row == 0 || random.bernoulli(0.7)) scenario.rows.push_back(row);
  const double rate = random.uniform();
  for (std::size_t row = 0; row < rows; ++row)
    scenario.labels.push_back(random.bernoulli(rate) ? 1 : 0);
  return scenario;
}

bool is_empty_fit(const core::Result<Transform>& transform) {
  return !transform && transform.error().message.find("no outputs") != std::string::npos;
}

std::vector<data::Cell> cells_of(const data::Table& table, std::size_t row) {
  std::vector<data::Cell> cells;
  for (const data::Column& column : table.columns) cells.push_back(column.cell(row));
  return cells;
}

void expect_same_bits(const Transform& columns, const Transform& rows, const data::Table& table) {
  const Matrix matrix = columns.apply(table).value();
  RC_ASSERT(matrix.rows == table.row_count());
  RC_ASSERT(matrix.columns == rows.outputs().size());
  std::vector<float> out(rows.outputs().size());
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    std::fill(out.begin(), out.end(), 77.0F);  // what an earlier row left behind
    rows.apply_row(cells_of(table, row), out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      RC_ASSERT(std::bit_cast<std::uint32_t>(matrix.row(row)[i]) ==
                std::bit_cast<std::uint32_t>(out[i]));
      RC_ASSERT(!std::isinf(out[i]));
    }
  }
}

// Training and serving must not drift apart: columns and rows give the same bits, on the rows that
// were fitted, on others, and after the file.
RC_GTEST_PROP(TransformProperty, ColumnsAndRowsAgreeToTheBit, (std::uint64_t seed)) {
  const Scenario scenario = make_scenario(seed);
  auto transform = scenario.fit();
  if (is_empty_fit(transform)) return;
  RC_ASSERT(transform.has_value());
  expect_same_bits(*transform, *transform, scenario.table);
  expect_same_bits(*transform, *transform, scenario.unseen);

  const std::string text = core::to_text(transform->to_json());
  auto read = Transform::from_json(core::parse_json(text).value());
  RC_ASSERT(read.has_value());
  RC_ASSERT(core::to_text(read->to_json()) == text);
  expect_same_bits(*transform, *read, scenario.unseen);
}

// A damaged transform.json gives an error, never a crash or a different program.
RC_GTEST_PROP(TransformProperty, DamagedFilesAreRefusedOrHarmless, (std::uint64_t seed)) {
  const Scenario scenario = make_scenario(seed);
  auto transform = scenario.fit();
  if (is_empty_fit(transform)) return;
  std::string text = core::to_text(transform->to_json());
  core::Random random(seed);
  for (int change = 0; change < 3; ++change)
    text[random.below(text.size())] = "0123456789,[]{}\"ae-."[random.below(20)];
  auto json = core::parse_json(text);
  if (!json) return;
  auto read = Transform::from_json(*json);
  if (!read) {
    RC_ASSERT(!read.error().message.empty());
    return;
  }
  // Names may have changed, so columns may be missing; whatever is read must still run.
  std::vector<float> out(read->outputs().size());
  std::vector<data::Cell> cells(read->inputs().size());
  read->apply_row(cells, out);
}

}  // namespace
}  // namespace tenure::learn
