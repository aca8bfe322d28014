#include "api/open_inference/inference.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "api/open_inference/classification.h"
#include "api/rows/cell_text.h"
#include "core/nearest.h"
#include "serving/reasons.h"

namespace tenure::api {
namespace {

constexpr std::size_t kNoInput = static_cast<std::size_t>(-1);
constexpr std::size_t kIdLengthMax = 256;

constexpr std::array kOutputs =
    std::to_array<OutputFacts>({{"probability", Datatype::kFp32},
                                {"margin", Datatype::kFp32},
                                {"label", Datatype::kInt64},
                                {"decision", Datatype::kBytes},
                                {"level", Datatype::kBytes},
                                {"prediction_id", Datatype::kBytes},
                                {"contributions", Datatype::kFp32, true},
                                {"reason_codes", Datatype::kBytes, true},
                                {"model_version", Datatype::kInt64},
                                {"variant", Datatype::kBytes}});

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

bool is_id(std::string_view name) {
  return name == "customer_id" || name == "entity_id";
}

bool needs_explanation(const Inference::Wanted& output) {
  return output.name == "contributions" || output.name == "reason_codes";
}

std::size_t find_input(const serving::ModelSnapshot& snapshot, std::string_view name) {
  const auto found = snapshot.input_index.find(std::string(name));
  return found == snapshot.input_index.end() ? kNoInput : found->second;
}

/// [n] or [n, 1].
bool is_column(const InputTensor& tensor) {
  return tensor.shape.size() == 1 || (tensor.shape.size() == 2 && tensor.shape[1] == 1);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

}  // namespace

std::span<const OutputFacts> output_facts() {
  return kOutputs;
}

Datatype datatype_of(const learn::InputField& input) {
  switch (input.type) {
    case data::ColumnType::kText:
      return Datatype::kBytes;
    case data::ColumnType::kBoolean:
      return Datatype::kBool;
    case data::ColumnType::kInteger:
    case data::ColumnType::kTimestamp:
      return Datatype::kInt64;
    case data::ColumnType::kNumber:
      break;
  }
  return Datatype::kFp64;
}

void Inference::clear() {
  inputs.clear();
  outputs.clear();
  timeout = 0;
}

core::Result<std::span<const OutputTensor>> Inference::run(const LiveModel& live,
                                                           std::size_t rows_max,
                                                           serving::PredictOptions options) {
  const serving::ModelSnapshot& snapshot = *live;
  if (outputs.empty()) outputs.push_back({.name = "probability"});
  if (auto ok = check_outputs(snapshot); !ok) return std::move(ok).error();
  if (auto ok = read_inputs(snapshot, rows_max); !ok) return std::move(ok).error();
  predictions_.resize(rows_.size());
  options.is_explained = std::ranges::any_of(outputs, needs_explanation);
  live.predict(rows_, scratch_, predictions_, options);
  answers_.resize(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) write_output(snapshot, outputs[i], answers_[i]);
  return std::span<const OutputTensor>(answers_);
}

const serving::ModelSnapshot& Inference::version_of_all(
    const serving::ModelSnapshot& champion) const {
  const bool is_one = std::ranges::all_of(predictions_, [this](const serving::Prediction& one) {
    return one.snapshot == predictions_.front().snapshot;
  });
  return is_one && !predictions_.empty() ? *predictions_.front().snapshot : champion;
}

std::string_view Inference::variant_of_all() const {
  const bool is_one = std::ranges::all_of(predictions_, [this](const serving::Prediction& one) {
    return one.variant == predictions_.front().variant;
  });
  return is_one && !predictions_.empty() ? predictions_.front().variant : std::string_view();
}

core::Result<> Inference::check_outputs(const serving::ModelSnapshot& snapshot) const {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string_view name = outputs[i].name;
    if (std::ranges::find(kOutputs, name, &OutputFacts::name) == kOutputs.end()) {
      std::vector<std::string> known;
      for (const OutputFacts& output : kOutputs) known.emplace_back(output.name);
      return invalid(fmt::format("unexpected inference output '{}' for model '{}'{}", name,
                                 snapshot.name, core::did_you_mean(name, known)));
    }
    if (std::ranges::count(outputs, name, &Wanted::name) > 1)
      return invalid(fmt::format("output '{}' is asked for twice", name));
    if (outputs[i].class_count > 0 && name != "probability")
      return invalid(
          fmt::format("output '{}' has no classes; 'classification' is for 'probability'", name));
    if (needs_explanation(outputs[i]) && !snapshot.explainer)
      return core::Error{core::ErrorCode::kUnimplemented,
                         "this model cannot be explained: " + snapshot.not_explained};
  }
  return {};
}

core::Result<> Inference::read_inputs(const serving::ModelSnapshot& snapshot,
                                      std::size_t rows_max) {
  width_ = snapshot.input_names.size();
  has_rows_ = false;
  rows_.clear();
  cells_.clear();
  if (inputs.empty()) return invalid("the request has no inputs");
  const std::size_t ids = static_cast<std::size_t>(
      std::ranges::count_if(inputs, is_id, [](const InputTensor& t) { return t.name; }));
  for (const InputTensor& tensor : inputs) {
    if (auto ok = set_rows(tensor, rows_max); !ok) return ok;
    const std::size_t input = find_input(snapshot, tensor.name);
    core::Result<> read;
    if (is_id(tensor.name) && input == kNoInput) {
      read = read_ids(tensor);
    } else if (input != kNoInput && is_column(tensor)) {
      read = read_column(snapshot, tensor, input);
    } else if (inputs.size() == 1 + ids && tensor.shape.size() == 2) {
      read = read_matrix(snapshot, tensor);
    } else if (input != kNoInput) {
      read =
          invalid(fmt::format("has the shape {}; expected [n] or [n,1]", shape_text(tensor.shape)));
    } else {
      std::vector<std::string> known(snapshot.input_names.begin(), snapshot.input_names.end());
      return invalid(fmt::format("unexpected inference input '{}' for model '{}'{}", tensor.name,
                                 snapshot.name, core::did_you_mean(tensor.name, known)));
    }
    if (!read) return std::move(read).error().within(fmt::format("input '{}'", tensor.name));
  }
  if (ids > 0) return {};
  for (std::size_t input = 0; input < width_ && !rows_.empty(); ++input) {
    if (cells_[input].kind == data::Cell::Kind::kAbsent)
      return invalid(fmt::format("expected {} inputs for model '{}', but '{}' is missing", width_,
                                 snapshot.name, snapshot.input_names[input]));
  }
  return {};
}

/// The first tensor says how many rows there are; the others must agree.
core::Result<> Inference::set_rows(const InputTensor& tensor, std::size_t rows_max) {
  const std::size_t n = tensor.shape.empty() ? 0 : static_cast<std::size_t>(tensor.shape[0]);
  if (has_rows_ && n != rows_.size())
    return invalid(fmt::format("input '{}' has {} rows, those before it have {}", tensor.name, n,
                               rows_.size()));
  if (has_rows_) return {};
  if (n == 0) return invalid(fmt::format("input '{}' has no rows", tensor.name));
  if (n > rows_max)
    return core::Error{
        core::ErrorCode::kResourceExhausted,
        fmt::format("more than {} rows in one request (serving.rows_max)", rows_max)};
  has_rows_ = true;
  cells_.resize(n * width_);
  rows_.resize(n);
  for (std::size_t row = 0; row < n; ++row)
    rows_[row] = {.entity_id = {}, .given = std::span(cells_).subspan(row * width_, width_)};
  return {};
}

core::Result<> Inference::read_matrix(const serving::ModelSnapshot& snapshot,
                                      const InputTensor& tensor) {
  if (tensor.shape[1] != static_cast<std::int64_t>(width_))
    return invalid(fmt::format("has the shape {}; expected [n,{}], the inputs of '{}' in order",
                               shape_text(tensor.shape), width_, snapshot.name));
  for (std::size_t element = 0; element < tensor.values.size(); ++element) {
    if (auto ok = set_cell(snapshot, tensor, element, element / width_, element % width_); !ok)
      return ok;
  }
  return {};
}

core::Result<> Inference::read_column(const serving::ModelSnapshot& snapshot,
                                      const InputTensor& tensor, std::size_t input) {
  if (cells_[input].kind != data::Cell::Kind::kAbsent) return invalid("is given twice");
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (auto ok = set_cell(snapshot, tensor, row, row, input); !ok) return ok;
  }
  return {};
}

core::Result<> Inference::set_cell(const serving::ModelSnapshot& snapshot,
                                   const InputTensor& tensor, std::size_t element, std::size_t row,
                                   std::size_t input) {
  data::Cell cell = tensor.values[element];
  if (cell.kind == data::Cell::Kind::kText) {
    std::optional<TextMistake> mistake;
    cell = parse_cell(snapshot, input, cell.text, mistake);
    if (mistake)
      return invalid(
          fmt::format("row {}, '{}': {}", row, snapshot.input_names[input], mistake->message));
  } else if (cell.kind == data::Cell::Kind::kNumber && !std::isfinite(cell.number)) {
    return invalid(fmt::format("row {}, '{}': Input should be a finite number", row,
                               snapshot.input_names[input]));
  }
  cells_[row * width_ + input] = cell;
  return {};
}

core::Result<> Inference::read_ids(const InputTensor& tensor) {
  if (!is_column(tensor))
    return invalid(
        fmt::format("has the shape {}; expected [n] or [n,1]", shape_text(tensor.shape)));
  if (!rows_.front().entity_id.empty()) return invalid("customers are named twice");
  id_texts_.resize(rows_.size());
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const data::Cell& cell = tensor.values[row];
    std::string_view id = cell.text;
    if (cell.kind == data::Cell::Kind::kNumber && std::trunc(cell.number) == cell.number &&
        std::abs(cell.number) < 9007199254740992.0) {
      char digits[32];
      const auto end =
          std::to_chars(digits, digits + sizeof digits, static_cast<std::int64_t>(cell.number)).ptr;
      id_texts_[row].assign(digits, end);
      id = id_texts_[row];
    }
    if (id.empty() || id.size() > kIdLengthMax)
      return invalid(fmt::format("row {}: an id should be a text of 1 to {} bytes or an integer",
                                 row, kIdLengthMax));
    rows_[row].entity_id = id;
  }
  return {};
}

void Inference::write_classes(const serving::ModelSnapshot& snapshot, std::size_t count,
                              OutputTensor& out) {
  out.datatype = Datatype::kBytes;
  out.shape.push_back(static_cast<std::int64_t>(std::min(count, kClasses)));
  for (const serving::Prediction& prediction : predictions_)
    append_classes(prediction.probability, snapshot.model.facts(), count, out.texts);
}

void Inference::write_output(const serving::ModelSnapshot& snapshot, const Wanted& wanted,
                             OutputTensor& out) {
  const std::string_view name = wanted.name;
  const auto facts = std::ranges::find(kOutputs, name, &OutputFacts::name);
  out.name = facts->name;
  out.datatype = facts->datatype;
  out.shape.assign(1, static_cast<std::int64_t>(rows_.size()));
  if (name == "contributions") out.shape.push_back(static_cast<std::int64_t>(width_) + 1);
  if (name == "reason_codes") out.shape.push_back(kReasonCodes);
  out.floats.clear();
  out.integers.clear();
  out.texts.clear();
  if (wanted.class_count > 0) return write_classes(snapshot, wanted.class_count, out);
  const learn::ModelFacts& model = snapshot.model.facts();
  for (const serving::Prediction& prediction : predictions_) {
    if (name == "probability") {
      out.floats.push_back(prediction.probability);
    } else if (name == "margin") {
      out.floats.push_back(prediction.margin);
    } else if (name == "label") {
      out.integers.push_back(prediction.is_positive ? 1 : 0);
    } else if (name == "decision") {
      out.texts.push_back(prediction.is_positive ? model.positive : model.negative);
    } else if (name == "level") {
      out.texts.emplace_back(serving::level_name(prediction.level));
    } else if (name == "prediction_id") {
      out.texts.emplace_back(prediction.id, sizeof prediction.id);
    } else if (name == "model_version") {
      out.integers.push_back(prediction.snapshot->version);
    } else if (name == "variant") {
      out.texts.emplace_back(prediction.variant);
    } else if (name == "contributions") {
      const bool is_explained = !prediction.contributions.empty();
      for (std::size_t i = 0; i < width_; ++i)
        out.floats.push_back(is_explained ? prediction.contributions[i].log_odds
                                          : std::numeric_limits<float>::quiet_NaN());
      out.floats.push_back(is_explained ? prediction.bias
                                        : std::numeric_limits<float>::quiet_NaN());
    } else {
      std::array<serving::Contribution, kReasonCodes> reasons;
      const std::size_t count = serving::top_reasons(prediction, reasons);
      for (std::size_t i = 0; i < kReasonCodes; ++i)
        out.texts.emplace_back(i < count ? snapshot.input_names[reasons[i].input] : "");
    }
  }
}

}  // namespace tenure::api
