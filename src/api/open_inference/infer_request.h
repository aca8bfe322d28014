#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_reader.h"
#include "api/open_inference/inference.h"
#include "core/result.h"

namespace tenure::api {

/// Reads the body of POST /v2/models/{model}/infer into an Inference: JSON, with the tensors that
/// say `binary_data_size` as bytes behind it (Triton's binary tensor extension). Data may be nested
/// or flat; null and NaN are missing. Reused from request to request; one per thread.
class InferRequest {
 public:
  /// `json_length`: header Inference-Header-Content-Length; none = all of `body` is JSON. Views
  /// live as long as `body`, this object and its next decode. `elements_max` counts those of all
  /// tensors together. Errors: kInvalidArgument saying where.
  core::Result<> decode(std::string_view body, std::optional<std::size_t> json_length,
                        std::size_t elements_max, Inference& inference);

  std::string_view id() const { return id_; }  ///< "" = none given
  bool is_binary(std::size_t output) const { return binary_outputs_[output]; }
  bool has_binary_output() const;

 private:
  /// What one input or output says beside its data.
  struct Parameters {
    std::optional<std::size_t> binary_data_size;
    std::optional<bool> binary_data;
    std::optional<bool> binary_data_output;
    std::size_t class_count = 0;
    core::Micros timeout = 0;
  };
  struct RequestedOutput {
    std::string_view name;
    std::optional<bool> is_binary;
    std::size_t class_count = 0;
  };

  void read_body(JsonReader& reader);
  void read_inputs(JsonReader& reader);
  void read_input(JsonReader& reader, InputTensor& tensor);
  void read_shape(JsonReader& reader, InputTensor& tensor);
  void read_data(JsonReader& reader, InputTensor& tensor);
  void read_outputs(JsonReader& reader);
  Parameters read_parameters(JsonReader& reader);
  core::Result<> finish_input(InputTensor& tensor, std::optional<std::size_t> binary_size,
                              bool has_data, std::string_view& binary);
  void refuse(std::string message);

  Inference* inference_ = nullptr;
  std::size_t elements_left_ = 0;  ///< that all tensors together may still have
  std::string_view id_;
  std::optional<bool> binary_data_output_;
  std::vector<RequestedOutput> outputs_;
  std::vector<bool> binary_outputs_;
  std::vector<std::optional<std::size_t>> binary_sizes_;
  std::vector<bool> has_data_;
  std::string mistake_;  ///< the first one
  std::string unescaped_;
};

}  // namespace tenure::api
