#include "api/open_inference/server_facts.h"

#include "api/open_inference/inference.h"

namespace tenure::api {

bool is_server_ready(const Services& services) {
  return services.predictor.snapshot() && !services.is_draining.load();
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
