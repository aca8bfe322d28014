#include "learn/transform.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_set>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::learn {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// So many are compared one by one in less time than one is hashed.
constexpr std::size_t kFewCategories = 8;

/// The last rounding. One NaN for all missing values, so that equal rows are equal bytes; numbers
/// beyond float32 stop at its ends, because XGBoost refuses infinities.
float to_float(double value) noexcept {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

/// Every value of a number-like column as double; missing gives NaN.
std::vector<double> numbers_of(const data::Column& column) {
  std::vector<double> numbers(column.size());
  std::visit(
      [&](const auto& values) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(values)>, data::TextValues>)
          std::transform(values.begin(), values.end(), numbers.begin(),
                         [](auto value) { return static_cast<double>(value); });
      },
      column.values);
  if (!column.valid.empty())
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (column.valid[i] == 0) numbers[i] = kMissing;
  return numbers;
}

}  // namespace

double Transform::InputProgram::number(double raw) const noexcept {
  double x = std::isfinite(raw) ? raw : kMissing;
  if (is_log) x = x > -1 ? std::log1p(x) : kMissing;
  if (std::isnan(x)) {
    if (!fill) return kMissing;
    x = *fill;
  }
  return deviation == 0 ? x : (x - mean) / deviation;
}

std::uint32_t Transform::InputProgram::code(std::string_view category) const noexcept {
  if (categories.size() <= kFewCategories) {
    for (std::size_t i = 0; i < categories.size(); ++i)
      if (categories[i] == category) return static_cast<std::uint32_t>(i);
    return has_other ? static_cast<std::uint32_t>(categories.size()) : kNoCode;
  }
  const auto found = index.find(category);
  if (found != index.end()) return found->second;
  return has_other ? static_cast<std::uint32_t>(categories.size()) : kNoCode;
}

std::uint32_t Transform::InputProgram::code(double category) const noexcept {
  if (!std::isfinite(category)) return kNoCode;
  char text[32];
  // Whole numbers as people write them, 100000 and not 1e+05. As an integer -0 is 0: one category,
  // not two.
  constexpr double kWholeMax = 9007199254740992;  // 2^53
  const bool is_whole = std::abs(category) <= kWholeMax && std::trunc(category) == category;
  const auto end =
      is_whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(category)).ptr
               : std::to_chars(text, text + sizeof text, category).ptr;
  return code(std::string_view(text, static_cast<std::size_t>(end - text)));
}

double Transform::InputProgram::number_of(const data::Cell& cell) const noexcept {
  return number(cell.kind == data::Cell::Kind::kNumber ? cell.number : kMissing);
}

std::uint32_t Transform::InputProgram::code_of(const data::Cell& cell) const noexcept {
  switch (cell.kind) {
    case data::Cell::Kind::kText:
      return code(cell.text);
    case data::Cell::Kind::kNumber:
      return code(cell.number);
    case data::Cell::Kind::kAbsent:
    case data::Cell::Kind::kNull:
      break;
  }
  return kNoCode;
}

std::vector<std::uint32_t> Transform::InputProgram::codes_of(const data::Column& column) const {
  std::vector<std::uint32_t> codes(column.size());
  const auto* texts = std::get_if<data::TextValues>(&column.values);
  if (texts == nullptr) {
    const std::vector<double> raw = numbers_of(column);
    std::transform(raw.begin(), raw.end(), codes.begin(), [&](double x) { return code(x); });
    return codes;
  }
  // A category is looked up once per dictionary entry instead of once per row.
  std::vector<std::uint32_t> code_of_entry;
  code_of_entry.reserve(texts->dictionary.size());
  for (const std::string& entry : texts->dictionary)
    code_of_entry.push_back(code(std::string_view(entry)));
  for (std::size_t row = 0; row < codes.size(); ++row)
    codes[row] = column.is_null(row) ? kNoCode : code_of_entry[texts->codes[row]];
  return codes;
}

std::string Transform::InputProgram::category_name(std::uint32_t at) const {
  return at < categories.size() ? categories[at] : std::string("(other)");
}

template <typename NumberOf, typename CodeOf>
void Transform::run_step(const Step& step, const NumberOf& number_of, const CodeOf& code_of,
                         float* out) const noexcept {
  float* const block = out + step.first_output;
  switch (step.kind) {
    case Step::Kind::kNumber:
      *block = to_float(number_of(step.a));
      break;
    case Step::Kind::kOneHot:
      if (const std::uint32_t code = code_of(step.a); code != kNoCode) block[code] = 1;
      break;
    case Step::Kind::kTargetMean:
      *block = to_float(programs_[step.a].means->of(code_of(step.a)));
      break;
    case Step::Kind::kCrossNumber:
      if (const std::uint32_t code = code_of(step.a); code != kNoCode)
        block[code] = to_float(number_of(step.b));
      break;
    case Step::Kind::kCrossNumbers:
      *block = to_float(number_of(step.a) * number_of(step.b));
      break;
    case Step::Kind::kCrossCategories: {
      const std::uint32_t first = code_of(step.a);
      const std::uint32_t second = code_of(step.b);
      if (first == kNoCode || second == kNoCode) break;
      const std::uint64_t pair = std::uint64_t{first} << 32 | second;
      const auto at = std::lower_bound(step.pairs.begin(), step.pairs.end(), pair);
      if (at != step.pairs.end() && *at == pair) block[at - step.pairs.begin()] = 1;
      break;
    }
  }
}

void Transform::apply_row(std::span<const data::Cell> cells, std::span<float> out) const noexcept {
  TENURE_DCHECK(cells.size() == inputs_.size() && out.size() == outputs_.size());
  std::fill(out.begin(), out.end(), 0.0F);
  const auto number_of = [&](std::uint32_t input) noexcept {
    return programs_[input].number_of(cells[input]);
  };
  const auto code_of = [&](std::uint32_t input) noexcept {
    return programs_[input].code_of(cells[input]);
  };
  for (const Step& step : steps_) run_step(step, number_of, code_of, out.data());
}

core::Result<Matrix> Transform::apply(const data::Table& table) const {
  std::vector<std::vector<double>> numbers(inputs_.size());
  std::vector<std::vector<std::uint32_t>> codes(inputs_.size());
  const std::size_t rows = table.row_count();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const InputField& input = inputs_[i];
    const InputProgram& program = programs_[i];
    auto found = table.column(input.name);
    if (!found)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "input of the transformation: " + std::move(found).error().message};
    const data::Column& column = **found;
    const auto* texts = std::get_if<data::TextValues>(&column.values);
    if (column.size() != rows)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("column '{}' has {} rows, but the table has {}", input.name,
                                     column.size(), rows)};
    if (!input.is_category()) {
      if (texts != nullptr)
        return core::Error{
            core::ErrorCode::kInvalidArgument,
            fmt::format("column '{}' should hold numbers, but holds text", input.name)};
      numbers[i] = numbers_of(column);
      for (double& x : numbers[i]) x = program.number(x);
      continue;
    }
    codes[i] = program.codes_of(column);
  }

  Matrix matrix{.rows = rows, .columns = outputs_.size(), .values = {}};
  matrix.values.resize(rows * outputs_.size());
  std::vector<InputColumn> columns;
  for (std::size_t i = 0; i < inputs_.size(); ++i) columns.push_back({numbers[i], codes[i]});
  run_columns(columns, rows, matrix.values);
  return matrix;
}

void Transform::run_columns(std::span<const InputColumn> columns, std::size_t rows,
                            std::span<float> out) const noexcept {
  // Blocks of rows: the part of the matrix that is being written stays in the cache while one
  // column after the other is read in order.
  constexpr std::size_t kBlock = 256;
  const std::size_t width = outputs_.size();
  for (std::size_t first = 0; first < rows; first += kBlock) {
    const std::size_t last = std::min(rows, first + kBlock);
    for (const Step& step : steps_)
      for (std::size_t row = first; row < last; ++row)
        run_step(
            step, [&](std::uint32_t input) noexcept { return columns[input].numbers[row]; },
            [&](std::uint32_t input) noexcept { return columns[input].codes[row]; },
            out.data() + row * width);
  }
}

std::uint32_t Transform::category_code(std::size_t input, std::string_view text) const noexcept {
  return programs_[input].code(text);
}

void Transform::apply_columns(std::span<const InputColumn> columns, std::size_t rows,
                              std::vector<std::vector<double>>& scratch,
                              std::span<float> out) const {
  TENURE_ASSERT(columns.size() == inputs_.size() && out.size() == rows * outputs_.size());
  scratch.resize(inputs_.size());
  std::vector<InputColumn> prepared(columns.begin(), columns.end());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].is_category()) continue;
    scratch[i].resize(rows);
    for (std::size_t row = 0; row < rows; ++row)
      scratch[i][row] = programs_[i].number(columns[i].numbers[row]);
    prepared[i].numbers = scratch[i];
  }
  std::fill(out.begin(), out.end(), 0.0F);
  run_columns(prepared, rows, out);
}

core::Result<Matrix> Transform::apply_out_of_fold(const data::Table& table,
                                                  std::span<const std::uint8_t> labels,
                                                  std::uint64_t seed) const {
  auto matrix = apply(table);
  if (!matrix) return matrix;
  if (labels.size() != matrix->rows)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} labels, but {} rows", labels.size(), matrix->rows)};
  std::vector<std::uint32_t> parts;
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::kTargetMean) continue;
    if (parts.empty()) parts = target_mean_parts(labels, seed);
    const InputProgram& program = programs_[step.a];
    const std::vector<double> means =
        means_out_of_fold(program.codes_of(*table.find(inputs_[step.a].name)),
                          program.categories.size(), labels, parts);
    for (std::size_t row = 0; row < matrix->rows; ++row)
      matrix->values[row * matrix->columns + step.first_output] = to_float(means[row]);
  }
  return matrix;
}

std::vector<std::string> Transform::categories(std::size_t input) const {
  return programs_[input].categories;
}

core::Result<Transform> Transform::identity(std::span<const std::string> names) {
  Transform transform;
  for (const std::string& name : names) {
    if (std::ranges::find(transform.inputs_, name, &InputField::name) != transform.inputs_.end())
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("the column '{}' is there twice", name)};
    transform.steps_.push_back({.kind = Step::Kind::kNumber,
                                .a = static_cast<std::uint32_t>(transform.inputs_.size()),
                                .pairs = {}});
    transform.inputs_.push_back({.name = name, .type = data::ColumnType::kNumber});
    transform.programs_.emplace_back();
  }
  if (names.empty())
    return core::Error{core::ErrorCode::kInvalidArgument, "there are no columns to read"};
  transform.lay_out();
  return transform;
}

void Transform::lay_out() {
  outputs_.clear();
  origins_.clear();
  std::unordered_set<std::string> taken;
  const auto add = [&](std::string name, std::uint32_t origin) {
    // An input may be called like the category of another: "Plan=A". Trainers want unique names.
    std::string unique = name;
    for (int copy = 2; !taken.insert(unique).second; ++copy)
      unique = fmt::format("{}#{}", name, copy);
    outputs_.push_back(std::move(unique));
    origins_.push_back(origin);
  };
  for (Step& step : steps_) {
    const std::string& a = inputs_[step.a].name;
    const std::string& b = inputs_[step.b].name;
    step.first_output = static_cast<std::uint32_t>(outputs_.size());
    switch (step.kind) {
      case Step::Kind::kNumber:
        add(a, step.a);
        break;
      case Step::Kind::kOneHot:
        for (std::uint32_t i = 0; i < programs_[step.a].width(); ++i)
          add(fmt::format("{}={}", a, programs_[step.a].category_name(i)), step.a);
        break;
      case Step::Kind::kTargetMean:
        add(fmt::format("{} (target mean)", a), step.a);
        break;
      case Step::Kind::kCrossNumber:
        for (std::uint32_t i = 0; i < programs_[step.a].width(); ++i)
          add(fmt::format("{}={}*{}", a, programs_[step.a].category_name(i), b), step.a);
        break;
      case Step::Kind::kCrossNumbers:
        add(fmt::format("{}*{}", a, b), step.a);
        break;
      case Step::Kind::kCrossCategories:
        for (const std::uint64_t pair : step.pairs)
          add(fmt::format("{}={}*{}={}", a,
                          programs_[step.a].category_name(static_cast<std::uint32_t>(pair >> 32)),
                          b, programs_[step.b].category_name(static_cast<std::uint32_t>(pair))),
              step.a);
        break;
    }
    step.width = static_cast<std::uint32_t>(outputs_.size()) - step.first_output;
  }
}

}  // namespace tenure::learn
