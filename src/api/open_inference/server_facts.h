#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/open_inference/tensor.h"
#include "api/routes.h"
#include "core/error.h"
#include "serving/predictor.h"

namespace tenure::api {

/// What the Open Inference Protocol tells of server and model, the same over REST and gRPC.
inline constexpr std::string_view kServerName = "tenure";
inline constexpr std::string_view kPlatform = "tenure_ensemble";
inline constexpr std::array<std::string_view, 5> kServerExtensions = {
    "binary_tensor_data", "model_repository", "model_configuration", "statistics",
    "classification"};

bool is_server_ready(const Services& services);

/// One model version of Triton's repository index.
struct RepositoryEntry {
  std::string name;
  std::string version;     ///< "" when none is live
  std::string_view state;  ///< READY, UNAVAILABLE
  std::string reason;      ///< why it is not ready
};
/// Every model of the server, with its arms.
std::vector<RepositoryEntry> repository_entries(const Services& services);

/// A tensor as metadata announces it.
struct TensorFacts {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape;  ///< -1 = as many as there are rows
  std::int64_t width = 1;           ///< of one row
};
struct ModelTensors {
  std::vector<TensorFacts> inputs;
  std::vector<TensorFacts> outputs;
};
ModelTensors model_tensors(const serving::ModelSnapshot& snapshot);

/// "TYPE_FP64", "TYPE_STRING": the type in Triton's model configuration.
std::string triton_type_name(Datatype type);

/// Elements that one tensor of a request may have.
std::size_t elements_max(const Services& services, const serving::ModelSnapshot& snapshot);

/// Why a model cannot be unloaded.
core::Error unload_refusal();

}  // namespace tenure::api
