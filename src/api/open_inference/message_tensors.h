#pragma once

#include <cstddef>
#include <span>

#include "api/open_inference/inference.h"
#include "core/result.h"

namespace inference {
class ModelInferRequest;
class ModelInferResponse;
}  // namespace inference

namespace tenure::api {

/// Reads the tensors of a gRPC request, raw or typed, into `inference`, whose views live as long as
/// the message. Errors: kInvalidArgument naming the tensor.
core::Result<> read_message(const inference::ModelInferRequest& request, std::size_t elements_max,
                            Inference& inference);

/// Adds the tensors to the answer, their elements as raw bytes.
void write_message(std::span<const OutputTensor> tensors, inference::ModelInferResponse& response);

}  // namespace tenure::api
