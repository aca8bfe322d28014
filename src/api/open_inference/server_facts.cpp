#include "api/open_inference/server_facts.h"

#include <algorithm>

#include "api/open_inference/inference.h"
#include "api/served_model.h"

namespace tenure::api {
namespace {

std::string not_live_reason(const ServedModel& model) {
  std::string reason = model.watcher.status().last_error;
  return reason.empty() ? "no version has the alias that is served" : reason;
}

}  // namespace

bool is_server_ready(const Services& services) {
  return services.predictor.snapshot() && !services.is_draining.load();
}

std::vector<RepositoryEntry> repository_entries(const Services& services) {
  std::vector<RepositoryEntry> entries;
  for (const ServedModel& model : all_models(services)) {
    const auto snapshot = model.predictor.snapshot();
    entries.push_back({.name = model.name,
                       .version = snapshot ? std::to_string(snapshot->version) : "",
                       .state = snapshot ? "READY" : "UNAVAILABLE",
                       .reason = snapshot ? "" : not_live_reason(model)});
  }
  if (services.traffic == nullptr) return entries;
  for (const serving::Traffic::ArmStatus& arm : services.traffic->status().arms) {
    // Two aliases may name one version.
    const bool is_listed = std::ranges::any_of(entries, [&](const RepositoryEntry& entry) {
      return entry.name == services.model && entry.version == std::to_string(arm.version);
    });
    if (arm.version == 0 || is_listed) continue;
    const bool is_ready = arm.state == "live";
    entries.push_back({.name = services.model,
                       .version = std::to_string(arm.version),
                       .state = is_ready ? "READY" : "UNAVAILABLE",
                       .reason = is_ready ? "" : arm.why});
  }
  return entries;
}

ModelTensors model_tensors(const serving::ModelSnapshot& snapshot) {
  ModelTensors tensors;
  for (const learn::InputField& input : snapshot.model.transform().inputs())
    tensors.inputs.push_back(
        {.name = input.name, .datatype = datatype_of(input), .shape = {-1, 1}, .width = 1});
  const auto inputs = static_cast<std::int64_t>(snapshot.input_names.size());
  for (const OutputFacts& output : output_facts()) {
    TensorFacts facts{
        .name = std::string(output.name), .datatype = output.datatype, .shape = {-1}, .width = 1};
    if (output.is_matrix) {
      facts.width = output.datatype == Datatype::kBytes
                        ? static_cast<std::int64_t>(Inference::kReasonCodes)
                        : inputs + 1;
      facts.shape.push_back(facts.width);
    }
    tensors.outputs.push_back(std::move(facts));
  }
  return tensors;
}

std::string triton_type_name(Datatype type) {
  return type == Datatype::kBytes ? "TYPE_STRING" : "TYPE_" + std::string(datatype_name(type));
}

std::size_t elements_max(const Services& services, const serving::ModelSnapshot& snapshot) {
  // One for each input of each row, and a few columns beside them.
  constexpr std::size_t kSpareColumns = 8;
  return static_cast<std::size_t>(services.rows_max) *
         (snapshot.input_names.size() + kSpareColumns);
}

core::Error unload_refusal() {
  return core::Error{core::ErrorCode::kInvalidArgument,
                     "the model's alias in the registry decides what is served; move or remove it"};
}

}  // namespace tenure::api
