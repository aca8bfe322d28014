#include <algorithm>
#include <bit>
#include <charconv>
#include <functional>
#include <span>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/log.h"
#include "core/time_format.h"
#include "serving/predictor.h"

namespace tenure::serving {
namespace {

/// "view:feature" as "view__feature", the name Feast gives a feature asked for with its view.
std::string full_name(std::string_view ref) {
  const std::size_t colon = ref.find(':');
  if (colon == std::string_view::npos) return std::string(ref);
  return fmt::format("{}__{}", ref.substr(0, colon), ref.substr(colon + 1));
}

/// A null_value of tenure.yaml as the cleaned table had it.
data::Cell parse_null_value(std::string_view text, const learn::InputField& field) {
  if (field.is_category()) return data::Cell::of(text);
  if (field.type == data::ColumnType::kBoolean) {
    for (const auto* const yes : {"true", "yes", "t", "y", "1", "1.0"})
      if (core::equals_ignoring_case(text, yes)) return data::Cell::of(1.0);
    for (const auto* const no : {"false", "no", "f", "n", "0", "0.0"})
      if (core::equals_ignoring_case(text, no)) return data::Cell::of(0.0);
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status == std::errc() && end == text.data() + text.size()) return data::Cell::of(number);
  if (const auto time = core::parse_time(text)) return data::Cell::of(static_cast<double>(*time));
  return data::Cell::null();
}

/// Of names, types and order, which a request's values are read by.
std::uint64_t digest_of(std::span<const learn::InputField> inputs) {
  const std::hash<std::string_view> hash;
  std::uint64_t digest = inputs.size();
  for (const learn::InputField& input : inputs)
    digest = std::rotl(digest * 0x9E3779B97F4A7C15ULL, 29) ^ hash(input.name) ^
             static_cast<std::uint64_t>(input.type);
  return digest;
}

}  // namespace

core::Result<std::shared_ptr<const ModelSnapshot>> ModelSnapshot::make(Parts parts) {
  if (parts.secondary) {
    const auto same = [](const learn::InputField& a, const learn::InputField& b) {
      return a.name == b.name && a.type == b.type;
    };
    if (!std::ranges::equal(parts.model.transform().inputs(), parts.secondary->transform().inputs(),
                            same))
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "the secondary model has other inputs than the model"};
  }
  const auto snapshot =
      std::make_shared<ModelSnapshot>(ModelSnapshot{.name = std::move(parts.name),
                                                    .version = parts.version,
                                                    .run_id = std::move(parts.run_id),
                                                    .loaded = parts.loaded,
                                                    .sha256 = std::move(parts.sha256),
                                                    .model = std::move(parts.model),
                                                    .reader = std::move(parts.reader),
                                                    .reference = std::move(parts.reference),
                                                    .secondary = std::move(parts.secondary),
                                                    .rules = std::move(parts.rules),
                                                    .policy = std::move(parts.policy),
                                                    .has_own_thresholds = parts.has_own_thresholds,
                                                    .recourse = std::move(parts.recourse),
                                                    .input_index = {},
                                                    .input_names = {},
                                                    .missing = {},
                                                    .null_markers = {},
                                                    .inputs_digest = 0,
                                                    .explainer = {},
                                                    .not_explained = {}});
  if (auto explainer = learn::Explainer::make(snapshot->model)) {
    snapshot->explainer = *std::move(explainer);
  } else {
    snapshot->not_explained = std::move(explainer).error().message;
  }
  const auto inputs = snapshot->model.transform().inputs();
  const std::vector<std::string>& refs = snapshot->model.facts().refs;
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    snapshot->input_names.push_back(inputs[i].name);
    snapshot->input_index.emplace(inputs[i].name, i);
    const auto& markers = snapshot->model.facts().null_markers;
    const auto known = markers.find(inputs[i].name);
    snapshot->null_markers.push_back(known == markers.end() ? nullptr : &known->second);
    const auto& values = snapshot->model.facts().null_values;
    const auto value = values.find(inputs[i].name);
    snapshot->missing.push_back(value == values.end() ? data::Cell::null()
                                                      : parse_null_value(value->second, inputs[i]));
  }
  // After the plain names, which win should a view and a feature together spell one of them.
  for (std::uint32_t i = 0; i < refs.size() && i < inputs.size(); ++i) {
    snapshot->input_index.emplace(full_name(refs[i]), i);
  }
  snapshot->inputs_digest = digest_of(inputs);
  if (snapshot->reader && snapshot->reader->feature_count() != inputs.size()) {
    core::log_error("serving", "the feature service does not give the model's inputs; not read",
                    {{"model", std::string_view(snapshot->name)},
                     {"version", snapshot->version},
                     {"features", static_cast<std::int64_t>(snapshot->reader->feature_count())},
                     {"inputs", static_cast<std::int64_t>(inputs.size())}});
    snapshot->reader.reset();
  }
  return std::shared_ptr<const ModelSnapshot>(snapshot);
}

}  // namespace tenure::serving
