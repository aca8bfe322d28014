#include "pipelines/step_result_json.h"

namespace tenure::pipelines {
namespace {

core::JsonArray files_to_json(const std::vector<FileRecord>& files) {
  core::JsonArray array;
  for (const FileRecord& file : files) {
    array.push_back(core::JsonObject{{"path", file.path},
                                     {"sha256", file.sha256},
                                     {"size", static_cast<std::int64_t>(file.size)}});
  }
  return array;
}

core::Result<std::vector<FileRecord>> files_from_json(const core::Json& json,
                                                      std::string_view key) {
  auto array = core::json_array(json, key);
  if (!array) return std::move(array).error();
  std::vector<FileRecord> files;
  for (const core::Json& item : **array) {
    auto path = core::json_text(item, "path");
    if (!path) return std::move(path).error();
    auto sha256 = core::json_text(item, "sha256");
    if (!sha256) return std::move(sha256).error();
    auto size = core::json_integer(item, "size");
    if (!size) return std::move(size).error();
    files.push_back({*std::move(path), *std::move(sha256), static_cast<std::uint64_t>(*size)});
  }
  return files;
}

core::Result<StepResult> from_json(const core::Json& json) {
  StepResult result;
  auto output = core::json_object(json, "output");
  if (!output) return std::move(output).error();
  result.output = **output;
  auto inputs = files_from_json(json, "inputs");
  if (!inputs) return std::move(inputs).error();
  result.inputs = *std::move(inputs);
  auto outputs = files_from_json(json, "outputs");
  if (!outputs) return std::move(outputs).error();
  result.outputs = *std::move(outputs);
  auto summary = core::json_text(json, "summary");
  if (!summary) return std::move(summary).error();
  result.summary = *std::move(summary);
  return result;
}

}  // namespace

std::string to_json_text(const StepResult& result) {
  return core::to_text(core::JsonObject{{"output", result.output},
                                        {"inputs", files_to_json(result.inputs)},
                                        {"outputs", files_to_json(result.outputs)},
                                        {"summary", result.summary}});
}

core::Result<StepResult> parse_step_result(std::string_view text) {
  auto json = core::parse_json(text);
  if (json) {
    auto result = from_json(*json);
    if (result) return result;
    json = std::move(result).error();
  }
  return core::Error{core::ErrorCode::kCorruption,
                     "the stored result of a step cannot be read: " + json.error().message};
}

}  // namespace tenure::pipelines
