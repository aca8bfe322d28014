#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "learn/transform.h"

namespace tenure::learn {
namespace {

constexpr std::string_view kFormat = "tenure.transform";
/// Version 2 has target means. A transformation without them is written as version 1, which builds
/// that do not know them read.
constexpr std::int64_t kVersion = 2;
/// More columns than any dense matrix we could train on: a bound for hostile files.
constexpr std::size_t kOutputsMax = 1'000'000;

core::Error corrupt(std::string message) {
  return core::Error{core::ErrorCode::kCorruption, "transform.json: " + std::move(message)};
}

/// A result of core/json.h, whose errors speak of callers, as an error of the file.
template <typename T>
core::Error corrupt_member(core::Result<T> result, std::string_view where) {
  return corrupt(fmt::format("{}: {}", where, result.error().message));
}

core::Json target_means_json(const TargetMeans& means) {
  core::JsonArray of_category;
  for (const double mean : means.means) of_category.emplace_back(mean);
  return core::JsonObject{
      {"categories", std::move(of_category)}, {"other", means.prior}, {"missing", means.missing}};
}

/// One mean for each of so many categories.
core::Result<TargetMeans> read_target_means(const core::Json& json, std::size_t categories,
                                            std::string_view where) {
  const auto is_share = [](double value) { return value >= 0 && value <= 1; };
  TargetMeans means;
  for (const auto& [key, value] :
       {std::pair{"other", &means.prior}, std::pair{"missing", &means.missing}}) {
    auto number = core::json_number(json, key);
    if (!number) return corrupt_member(std::move(number), where);
    if (!is_share(*number)) return corrupt(fmt::format("{}.{} should be 0 to 1", where, key));
    *value = *number;
  }
  auto of_category = core::json_array(json, "categories");
  if (!of_category) return corrupt_member(std::move(of_category), where);
  if ((*of_category)->size() != categories)
    return corrupt(fmt::format("{}.categories has {} means for {} categories", where,
                               (*of_category)->size(), categories));
  for (const core::Json& item : **of_category) {
    boost::system::error_code error;
    const auto number = item.to_number<double>(error);
    if (error.failed() || !is_share(number))
      return corrupt(fmt::format("{}.categories should hold numbers from 0 to 1", where));
    means.means.push_back(number);
  }
  return means;
}

}  // namespace

core::Json Transform::to_json() const {
  std::int64_t version = 1;
  core::JsonArray inputs;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const InputProgram& program = programs_[i];
    core::JsonObject input{{"name", inputs_[i].name},
                           {"type", std::string(data::column_type_name(inputs_[i].type))}};
    if (inputs_[i].is_category()) {
      core::JsonArray categories;
      for (const std::string& category : program.categories) categories.emplace_back(category);
      input["categories"] = std::move(categories);
      if (program.means) {
        version = kVersion;
        input["target_means"] = target_means_json(*program.means);
      } else {
        input["other"] = program.has_other;
      }
    } else {
      input["log"] = program.is_log;
      input["fill"] = program.fill ? core::Json(*program.fill) : core::Json(nullptr);
      input["mean"] = program.mean;
      input["deviation"] = program.deviation;
    }
    inputs.emplace_back(std::move(input));
  }
  core::JsonArray crosses;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::kNumber || step.kind == Step::Kind::kOneHot ||
        step.kind == Step::Kind::kTargetMean)
      continue;
    core::JsonObject cross{{"a", inputs_[step.a].name}, {"b", inputs_[step.b].name}};
    if (step.kind == Step::Kind::kCrossCategories) {
      core::JsonArray pairs;
      for (const std::uint64_t pair : step.pairs)
        pairs.emplace_back(core::JsonArray{pair >> 32, pair & 0xFFFFFFFF});
      cross["pairs"] = std::move(pairs);
    }
    crosses.emplace_back(std::move(cross));
  }
  core::JsonArray outputs;
  for (const std::string& output : outputs_) outputs.emplace_back(output);
  return core::JsonObject{{"format", kFormat},
                          {"version", version},
                          {"inputs", std::move(inputs)},
                          {"crosses", std::move(crosses)},
                          {"outputs", std::move(outputs)}};
}

/// Reads transform.json back, distrusting every member.
struct TransformReader {
  using InputProgram = Transform::InputProgram;
  using Step = Transform::Step;
  Transform transform{};

  core::Result<> read(const core::Json& json);

 private:
  core::Result<> read_input(const core::Json& json, std::string_view where);
  core::Result<> read_category(const core::Json& json, std::string_view where,
                               InputProgram& program);
  core::Result<> read_number(const core::Json& json, std::string_view where, InputProgram& program);
  core::Result<> read_cross(const core::Json& json, std::string_view where);
  core::Result<std::uint32_t> find_input(const core::Json& json, std::string_view key,
                                         std::string_view where) const;
  core::Result<> read_pairs(const core::Json& json, std::string_view where, Step& step) const;
};

core::Result<> TransformReader::read_category(const core::Json& json, std::string_view where,
                                              InputProgram& program) {
  auto categories = core::json_array(json, "categories");
  if (!categories) return corrupt_member(std::move(categories), where);
  const auto* means = json.as_object().if_contains("target_means");
  if (means == nullptr) {
    auto other = core::json_boolean(json, "other");
    if (!other) return corrupt_member(std::move(other), where);
    program.has_other = *other;
  }
  for (const core::Json& category : **categories) {
    const auto* text = category.if_string();
    if (text == nullptr) return corrupt(fmt::format("{}.categories should hold texts", where));
    const auto at = static_cast<std::uint32_t>(program.categories.size());
    program.categories.emplace_back(text->data(), text->size());
    if (!program.index.emplace(program.categories.back(), at).second)
      return corrupt(
          fmt::format("{}.categories names '{}' twice", where, program.categories.back()));
  }
  if (program.categories.size() > kOutputsMax)
    return corrupt(fmt::format("{}.categories has more than {} entries", where, kOutputsMax));
  if (means != nullptr) {
    auto read =
        read_target_means(*means, program.categories.size(), fmt::format("{}.target_means", where));
    if (!read) return std::move(read).error();
    program.means = *std::move(read);
    program.has_other = true;
  }
  return {};
}

core::Result<> TransformReader::read_number(const core::Json& json, std::string_view where,
                                            InputProgram& program) {
  auto is_log = core::json_boolean(json, "log");
  if (!is_log) return corrupt_member(std::move(is_log), where);
  program.is_log = *is_log;
  const auto* fill = json.as_object().if_contains("fill");
  if (fill == nullptr) return corrupt(fmt::format("{}: 'fill' is missing", where));
  if (!fill->is_null()) {
    auto value = core::json_number(json, "fill");
    if (!value) return corrupt_member(std::move(value), where);
    program.fill = *value;
  }
  auto mean = core::json_number(json, "mean");
  if (!mean) return corrupt_member(std::move(mean), where);
  auto deviation = core::json_number(json, "deviation");
  if (!deviation) return corrupt_member(std::move(deviation), where);
  if (*deviation < 0) return corrupt(fmt::format("{}.deviation is negative", where));
  program.mean = *mean;
  program.deviation = *deviation;
  return {};
}

core::Result<> TransformReader::read_input(const core::Json& json, std::string_view where) {
  auto name = core::json_text(json, "name");
  if (!name) return corrupt_member(std::move(name), where);
  auto type_name = core::json_text(json, "type");
  if (!type_name) return corrupt_member(std::move(type_name), where);
  auto type = data::parse_column_type(*type_name);
  if (!type) return corrupt_member(std::move(type), where);
  for (const InputField& other : transform.inputs_)
    if (other.name == *name)
      return corrupt(fmt::format("{}: the input '{}' is there twice", where, *name));
  const InputField field{.name = std::move(*name), .type = *type};
  InputProgram program;
  auto done =
      field.is_category() ? read_category(json, where, program) : read_number(json, where, program);
  if (!done) return std::move(done).error();
  const auto of_category = program.means ? Step::Kind::kTargetMean : Step::Kind::kOneHot;
  transform.steps_.push_back({.kind = field.is_category() ? of_category : Step::Kind::kNumber,
                              .a = static_cast<std::uint32_t>(transform.inputs_.size()),
                              .pairs = {}});
  transform.inputs_.push_back(field);
  transform.programs_.push_back(std::move(program));
  return {};
}

core::Result<std::uint32_t> TransformReader::find_input(const core::Json& json,
                                                        std::string_view key,
                                                        std::string_view where) const {
  auto name = core::json_text(json, key);
  if (!name) return corrupt_member(std::move(name), where);
  for (std::size_t i = 0; i < transform.inputs_.size(); ++i)
    if (transform.inputs_[i].name == *name) return static_cast<std::uint32_t>(i);
  return corrupt(fmt::format("{}.{}: '{}' is not an input", where, key, *name));
}

core::Result<> TransformReader::read_pairs(const core::Json& json, std::string_view where,
                                           Step& step) const {
  auto pairs = core::json_array(json, "pairs");
  if (!pairs) return corrupt_member(std::move(pairs), where);
  const auto code = [](const core::Json& value,
                       std::uint32_t width) -> std::optional<std::uint64_t> {
    boost::system::error_code error;
    const auto number = value.to_number<std::uint64_t>(error);
    if (error.failed() || number >= width) return std::nullopt;
    return number;
  };
  for (const core::Json& item : **pairs) {
    const auto* pair = item.if_array();
    if (pair == nullptr || pair->size() != 2)
      return corrupt(fmt::format("{}.pairs should hold pairs of category numbers", where));
    const auto a = code((*pair)[0], transform.programs_[step.a].width());
    const auto b = code((*pair)[1], transform.programs_[step.b].width());
    if (!a || !b)
      return corrupt(fmt::format("{}.pairs names a category that does not exist", where));
    const std::uint64_t key = *a << 32 | *b;
    if (!step.pairs.empty() && step.pairs.back() >= key)
      return corrupt(fmt::format("{}.pairs should ascend", where));
    step.pairs.push_back(key);
  }
  return {};
}

core::Result<> TransformReader::read_cross(const core::Json& json, std::string_view where) {
  auto a = find_input(json, "a", where);
  if (!a) return std::move(a).error();
  auto b = find_input(json, "b", where);
  if (!b) return std::move(b).error();
  if (transform.programs_[*a].means || transform.programs_[*b].means)
    return corrupt(fmt::format("{}: an input with target means cannot be crossed", where));
  Step step{.kind = Step::Kind::kCrossNumbers, .a = *a, .b = *b, .pairs = {}};
  const bool a_is_category = transform.inputs_[*a].is_category();
  const bool b_is_category = transform.inputs_[*b].is_category();
  if (b_is_category && !a_is_category)
    return corrupt(fmt::format("{}: in a cross with a number the category is 'a'", where));
  if (a_is_category) step.kind = Step::Kind::kCrossNumber;
  if (a_is_category && b_is_category) {
    step.kind = Step::Kind::kCrossCategories;
    auto done = read_pairs(json, where, step);
    if (!done) return std::move(done).error();
  }
  transform.steps_.push_back(std::move(step));
  return {};
}

core::Result<> TransformReader::read(const core::Json& json) {
  auto format = core::json_text(json, "format");
  if (!format || *format != kFormat)
    return corrupt(fmt::format("'format' should be \"{}\"", kFormat));
  auto version = core::json_integer(json, "version");
  if (!version) return corrupt_member(std::move(version), "head");
  if (*version > kVersion)
    return core::Error{core::ErrorCode::kUnimplemented,
                       fmt::format("transform.json has format version {}; this build reads up to "
                                   "{}: update tenure",
                                   *version, kVersion)};
  if (*version < 1) return corrupt(fmt::format("'version' is {}", *version));
  auto inputs = core::json_array(json, "inputs");
  if (!inputs) return corrupt_member(std::move(inputs), "head");
  if ((*inputs)->empty()) return corrupt("'inputs' is empty");
  for (std::size_t i = 0; i < (*inputs)->size(); ++i) {
    auto done = read_input((**inputs)[i], fmt::format("inputs[{}]", i));
    if (!done) return std::move(done).error();
  }
  auto crosses = core::json_array(json, "crosses");
  if (!crosses) return corrupt_member(std::move(crosses), "head");
  for (std::size_t i = 0; i < (*crosses)->size(); ++i) {
    auto done = read_cross((**crosses)[i], fmt::format("crosses[{}]", i));
    if (!done) return std::move(done).error();
  }
  std::size_t width = 0;
  for (const Step& step : transform.steps_) {
    width += step.kind == Step::Kind::kCrossCategories ? step.pairs.size()
                                                       : transform.programs_[step.a].width() + 1;
    if (width > kOutputsMax) return corrupt(fmt::format("more than {} outputs", kOutputsMax));
  }
  transform.lay_out();
  auto outputs = core::json_array(json, "outputs");
  if (!outputs) return corrupt_member(std::move(outputs), "head");
  // The names follow from the rest; a file where they do not was not written by us.
  const auto equal = [](const core::Json& text, const std::string& name) {
    return text.is_string() && std::string_view(text.get_string()) == name;
  };
  if (!std::equal((*outputs)->begin(), (*outputs)->end(), transform.outputs_.begin(),
                  transform.outputs_.end(), equal))
    return corrupt("'outputs' is not what inputs and crosses give");
  return {};
}

core::Result<Transform> Transform::from_json(const core::Json& json) {
  TransformReader reader;
  auto done = reader.read(json);
  if (!done) return std::move(done).error();
  return std::move(reader.transform);
}

}  // namespace tenure::learn
