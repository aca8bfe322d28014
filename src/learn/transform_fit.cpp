#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "learn/transform.h"

namespace tenure::learn {

/// Learns a Transform. A struct of its own, because fitting needs the rows and the columns at hand
/// in every step, and a fitted Transform must not keep them.
struct TransformFitter {
  using InputProgram = Transform::InputProgram;
  using Step = Transform::Step;
  using Counts = std::unordered_map<std::string, std::int64_t>;

  const TransformSpec& spec;
  const data::Table& table;
  std::span<const std::uint32_t> rows;
  std::span<const std::uint8_t> labels;
  Transform transform{};

  core::Result<> fit(std::span<const InputField> inputs);

 private:
  /// A cross is kept to this many pairs of categories, the most frequent, so that a careless cross
  /// of two long dictionaries cannot exhaust memory.
  static constexpr std::size_t kCrossPairsMax = 256;
  /// A pair seen in fewer rows says little that its two categories alone do not say.
  static constexpr std::int64_t kPairSupport = 30;
  /// Categories with a target mean of their own: enough for postcodes, and a bound for the file.
  static constexpr std::size_t kTargetMeansMax = 10'000;
  using Crosses = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  static core::Error invalid(std::string message) {
    return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
  }
  core::Result<> fit_number(const data::Column& column, InputProgram& program, bool is_log);
  void fit_category(const data::Column& column, bool may_be_mean, InputProgram& program);
  void fit_means(const data::Column& column, InputProgram& program) const;
  core::Result<> fit_input(std::uint32_t input, bool is_crossed);
  core::Result<Crosses> find_crosses() const;
  void add_cross(std::uint32_t a, std::uint32_t b);
  std::vector<std::uint64_t> frequent_pairs(std::uint32_t a, std::uint32_t b) const;
  std::optional<std::uint32_t> find_input(std::string_view name) const;
};

namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

}  // namespace

std::optional<std::uint32_t> TransformFitter::find_input(std::string_view name) const {
  for (std::size_t i = 0; i < transform.inputs_.size(); ++i)
    if (transform.inputs_[i].name == name) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

core::Result<> TransformFitter::fit_number(const data::Column& column, InputProgram& program,
                                           bool is_log) {
  program.is_log = is_log;
  std::vector<double> seen;
  seen.reserve(rows.size());
  for (const std::uint32_t row : rows) {
    const double raw = column.number(row);
    if (is_log && raw <= -1)
      return invalid(fmt::format(
          "model.transform.log: column '{}' has the value {} in row {}; ln(1 + x) wants x > -1",
          column.name, raw, row));
    const double x = program.number(raw);
    if (!std::isnan(x)) seen.push_back(x);
  }
  // long double: sums of squares of any finite doubles stay finite.
  long double sum = 0;
  for (const double x : seen) sum += x;
  const auto count = static_cast<long double>(seen.size());
  const auto mean = static_cast<double>(seen.empty() ? 0 : sum / count);
  if (spec.scale == "standard" && !seen.empty()) {
    long double squares = 0;
    for (const double x : seen) {
      const long double difference = static_cast<long double>(x) - mean;
      squares += difference * difference;
    }
    program.mean = mean;
    program.deviation = static_cast<double>(std::sqrt(squares / count));
  }
  if (spec.impute == "mean") program.fill = mean;
  if (spec.impute == "zero") program.fill = 0;
  if (spec.impute == "median") program.fill = seen.empty() ? 0 : median_of(seen);
  return {};
}

void TransformFitter::fit_category(const data::Column& column, bool may_be_mean,
                                   InputProgram& program) {
  Counts counts;
  if (const auto* texts = std::get_if<data::TextValues>(&column.values)) {
    std::vector<std::int64_t> of_code(texts->dictionary.size());
    for (const std::uint32_t row : rows)
      if (!column.is_null(row)) ++of_code[texts->codes[row]];
    for (std::size_t code = 0; code < of_code.size(); ++code)
      if (of_code[code] > 0) counts[texts->dictionary[code]] += of_code[code];
  } else {
    for (const std::uint32_t row : rows) {
      const double value = column.number(row);
      if (!std::isfinite(value)) continue;
      char text[32];
      const auto end = std::to_chars(text, text + sizeof text, value + 0.0).ptr;
      ++counts[std::string(text, end)];
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> order(counts.begin(), counts.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  const bool is_mean = may_be_mean && order.size() > TransformSpec::kShortDictionary;
  std::size_t kept = spec.categories_max;
  if (is_mean) {
    // One row's label is no mean: such categories are as good as unseen ones.
    const auto once = std::ranges::find_if(order, [](const auto& item) { return item.second < 2; });
    kept = std::min(kTargetMeansMax, static_cast<std::size_t>(once - order.begin()));
  }
  program.has_other = is_mean || order.size() > kept;
  if (order.size() > kept) order.resize(kept);
  for (auto& [category, count] : order) {
    program.index.emplace(category, static_cast<std::uint32_t>(program.categories.size()));
    program.categories.push_back(std::move(category));
  }
  if (is_mean) fit_means(column, program);
}

void TransformFitter::fit_means(const data::Column& column, InputProgram& program) const {
  const std::vector<std::uint32_t> all = program.codes_of(column);
  std::vector<std::uint32_t> codes;
  std::vector<std::uint8_t> own;
  codes.reserve(rows.size());
  own.reserve(rows.size());
  for (const std::uint32_t row : rows) {
    codes.push_back(all[row]);
    own.push_back(labels[row]);
  }
  program.means = fit_target_means(codes, program.categories.size(), own);
}

std::vector<std::uint64_t> TransformFitter::frequent_pairs(std::uint32_t a, std::uint32_t b) const {
  const data::Column& first = *table.find(transform.inputs_[a].name);
  const data::Column& second = *table.find(transform.inputs_[b].name);
  std::unordered_map<std::uint64_t, std::int64_t> counts;
  for (const std::uint32_t row : rows) {
    const std::uint32_t code_a = transform.programs_[a].code_of(first.cell(row));
    const std::uint32_t code_b = transform.programs_[b].code_of(second.cell(row));
    if (code_a != Transform::kNoCode && code_b != Transform::kNoCode)
      ++counts[std::uint64_t{code_a} << 32 | code_b];
  }
  // In small tables half a percent of the rows is support enough.
  const std::int64_t support =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(rows.size() / 200), 1, kPairSupport);
  std::vector<std::pair<std::int64_t, std::uint64_t>> order;
  for (const auto& [pair, count] : counts)
    if (count >= support) order.emplace_back(-count, pair);
  std::sort(order.begin(), order.end());
  if (order.size() > kCrossPairsMax) order.resize(kCrossPairsMax);
  std::vector<std::uint64_t> pairs;
  pairs.reserve(order.size());
  for (const auto& item : order) pairs.push_back(item.second);
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

core::Result<TransformFitter::Crosses> TransformFitter::find_crosses() const {
  Crosses crosses;
  for (const std::string& cross : spec.crosses) {
    const std::size_t known = crosses.size();
    // A name may itself hold a star: the first split with an input on either side is meant.
    for (auto star = cross.find('*'); star != std::string::npos && crosses.size() == known;
         star = cross.find('*', star + 1)) {
      const auto a = find_input(trim(std::string_view(cross).substr(0, star)));
      const auto b = find_input(trim(std::string_view(cross).substr(star + 1)));
      if (a && b) crosses.emplace_back(*a, *b);
    }
    if (crosses.size() == known) {
      std::string names;
      for (const InputField& input : transform.inputs_)
        names += (names.empty() ? "" : ", ") + input.name;
      return invalid(fmt::format("model.transform.crosses: '{}' should be 'a * b' with two of: {}",
                                 cross, names));
    }
    const auto [a, b] = crosses.back();
    if (a == b && transform.inputs_[a].is_category())
      return invalid(
          fmt::format("model.transform.crosses: '{}' crosses a category with itself", cross));
  }
  return crosses;
}

void TransformFitter::add_cross(std::uint32_t a, std::uint32_t b) {
  const bool a_is_category = transform.inputs_[a].is_category();
  const bool b_is_category = transform.inputs_[b].is_category();
  if (!a_is_category && b_is_category) std::swap(a, b);
  Step step{.kind = Step::Kind::kCrossNumbers, .a = a, .b = b, .pairs = {}};
  if (a_is_category != b_is_category) step.kind = Step::Kind::kCrossNumber;
  if (a_is_category && b_is_category) {
    step.kind = Step::Kind::kCrossCategories;
    step.pairs = frequent_pairs(a, b);
  }
  transform.steps_.push_back(std::move(step));
}

core::Result<> TransformFitter::fit_input(std::uint32_t at, bool is_crossed) {
  const InputField& input = transform.inputs_[at];
  const data::Column* column = table.find(input.name);
  if (column == nullptr) return invalid(fmt::format("the table has no column '{}'", input.name));
  InputProgram& program = transform.programs_[at];
  Step step{.kind = Step::Kind::kNumber, .a = at, .pairs = {}};
  if (input.is_category()) {
    // A cross wants the categories themselves.
    fit_category(*column, spec.encode == "target" && !is_crossed, program);
    step.kind = program.means ? Step::Kind::kTargetMean : Step::Kind::kOneHot;
  } else {
    if (column->type == data::ColumnType::kText)
      return invalid(fmt::format("column '{}' should hold numbers, but holds text", input.name));
    const bool is_log = std::find(spec.log.begin(), spec.log.end(), input.name) != spec.log.end();
    auto done = fit_number(*column, program, is_log);
    if (!done) return done;
  }
  transform.steps_.push_back(std::move(step));
  return {};
}

core::Result<> TransformFitter::fit(std::span<const InputField> inputs) {
  if (rows.empty()) return invalid("the transformation cannot be fitted: there are no rows");
  if (inputs.empty()) return invalid("the transformation has no inputs");
  for (const std::uint32_t row : rows)
    if (row >= table.row_count())
      return invalid(
          fmt::format("row {} was asked for, but the table has {}", row, table.row_count()));
  transform.inputs_.assign(inputs.begin(), inputs.end());
  transform.programs_.resize(inputs.size());

  for (const std::string& name : spec.log) {
    const auto at = find_input(name);
    if (!at) return invalid(fmt::format("model.transform.log: '{}' is not an input", name));
    if (inputs[*at].is_category())
      return invalid(fmt::format("model.transform.log: '{}' is a category, not a number", name));
  }
  std::unordered_set<std::string_view> names;
  for (const InputField& input : inputs)
    if (!names.insert(input.name).second)
      return invalid(fmt::format("the input '{}' is named twice", input.name));
  auto crosses = find_crosses();
  if (!crosses) return std::move(crosses).error();
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const bool is_crossed = std::ranges::any_of(
        *crosses, [&](const auto& cross) { return cross.first == i || cross.second == i; });
    auto done = fit_input(i, is_crossed);
    if (!done) return done;
  }
  for (const auto& [a, b] : *crosses) add_cross(a, b);
  transform.lay_out();
  if (transform.outputs_.empty())
    return invalid("the transformation has no outputs: every input is empty");
  return {};
}

core::Result<Transform> Transform::fit(const TransformSpec& spec,
                                       std::span<const InputField> inputs, const data::Table& table,
                                       std::span<const std::uint32_t> rows,
                                       std::span<const std::uint8_t> labels) {
  const auto is_one_of = [](const std::string& value, std::initializer_list<const char*> known) {
    return std::find(known.begin(), known.end(), value) != known.end();
  };
  if (!is_one_of(spec.impute, {"none", "median", "mean", "zero"}))
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("model.transform.impute is '{}'; accepted: none, median, mean, "
                                   "zero",
                                   spec.impute)};
  if (!is_one_of(spec.scale, {"none", "standard"}))
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("model.transform.scale is '{}'; accepted: none, standard", spec.scale)};
  if (!is_one_of(spec.encode, {"onehot", "target"}))
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("model.transform.encode is '{}'; accepted here: onehot, target", spec.encode)};
  if (spec.encode == "target" && labels.size() != table.row_count())
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("model.transform.encode is target, but there are {} labels for "
                                   "{} rows",
                                   labels.size(), table.row_count())};
  TransformFitter fitter{.spec = spec, .table = table, .rows = rows, .labels = labels};
  auto done = fitter.fit(inputs);
  if (!done) return std::move(done).error();
  return std::move(fitter.transform);
}

}  // namespace tenure::learn
