#include <algorithm>
#include <charconv>

#include <fmt/format.h>

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

/// Whatever the case; `word` is lower case.
bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// A null_value of tenure.yaml as the cleaned table had it.
data::Cell parse_null_value(std::string_view text, const learn::InputField& field) {
  if (field.is_category()) return data::Cell::of(text);
  if (field.type == data::ColumnType::kBoolean) {
    for (const auto* const yes : {"true", "yes", "t", "y", "1", "1.0"})
      if (is_word(text, yes)) return data::Cell::of(1.0);
    for (const auto* const no : {"false", "no", "f", "n", "0", "0.0"})
      if (is_word(text, no)) return data::Cell::of(0.0);
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status == std::errc() && end == text.data() + text.size()) return data::Cell::of(number);
  if (const auto time = core::parse_time(text)) return data::Cell::of(static_cast<double>(*time));
  return data::Cell::null();
}

}  // namespace

std::shared_ptr<const ModelSnapshot> ModelSnapshot::make(
    std::string name, std::int64_t version, std::string run_id, core::Micros loaded,
    std::string sha256, learn::Model model, std::optional<features::OnlineReader> reader,
    core::Json reference) {
  const auto snapshot =
      std::make_shared<ModelSnapshot>(ModelSnapshot{.name = std::move(name),
                                                    .version = version,
                                                    .run_id = std::move(run_id),
                                                    .loaded = loaded,
                                                    .sha256 = std::move(sha256),
                                                    .model = std::move(model),
                                                    .reader = std::move(reader),
                                                    .reference = std::move(reference),
                                                    .input_index = {},
                                                    .input_names = {},
                                                    .missing = {},
                                                    .null_markers = {},
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
  if (snapshot->reader && snapshot->reader->feature_count() != inputs.size()) {
    core::log_error("serving", "the feature service does not give the model's inputs; not read",
                    {{"model", std::string_view(snapshot->name)},
                     {"version", version},
                     {"features", static_cast<std::int64_t>(snapshot->reader->feature_count())},
                     {"inputs", static_cast<std::int64_t>(inputs.size())}});
    snapshot->reader.reset();
  }
  return snapshot;
}

}  // namespace tenure::serving
