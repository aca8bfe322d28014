#include "api/open_inference/message_tensors.h"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <open_inference.pb.h>

#include "core/utf8.h"

namespace tenure::api {
namespace {

using Contents = inference::InferTensorContents;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

template <typename Values>
void append_numbers(const Values& values, std::vector<data::Cell>& out) {
  for (const auto value : values) {
    const auto number = static_cast<double>(value);
    out.push_back(std::isnan(number) ? data::Cell::null() : data::Cell::of(number));
  }
}

/// Elements in the fields of all types.
std::size_t contents_size(const Contents& contents) {
  return static_cast<std::size_t>(contents.bool_contents_size()) +
         static_cast<std::size_t>(contents.int_contents_size()) +
         static_cast<std::size_t>(contents.int64_contents_size()) +
         static_cast<std::size_t>(contents.uint_contents_size()) +
         static_cast<std::size_t>(contents.uint64_contents_size()) +
         static_cast<std::size_t>(contents.fp32_contents_size()) +
         static_cast<std::size_t>(contents.fp64_contents_size()) +
         static_cast<std::size_t>(contents.bytes_contents_size());
}

/// Appends the typed elements; the protocol says which field holds which type.
core::Result<> append_contents(const Contents& contents, Datatype type,
                               std::vector<data::Cell>& out) {
  switch (type) {
    case Datatype::kBool:
      append_numbers(contents.bool_contents(), out);
      break;
    case Datatype::kInt8:
    case Datatype::kInt16:
    case Datatype::kInt32:
      append_numbers(contents.int_contents(), out);
      break;
    case Datatype::kInt64:
      append_numbers(contents.int64_contents(), out);
      break;
    case Datatype::kUint8:
    case Datatype::kUint16:
    case Datatype::kUint32:
      append_numbers(contents.uint_contents(), out);
      break;
    case Datatype::kUint64:
      append_numbers(contents.uint64_contents(), out);
      break;
    case Datatype::kFp32:
      append_numbers(contents.fp32_contents(), out);
      break;
    case Datatype::kFp64:
      append_numbers(contents.fp64_contents(), out);
      break;
    case Datatype::kBytes:
      for (const std::string& text : contents.bytes_contents()) {
        if (!core::is_utf8(text)) return invalid("a text is not UTF-8");
        out.push_back(data::Cell::of(text));
      }
      break;
    case Datatype::kFp16:
    case Datatype::kBf16:
      return invalid(fmt::format("{} comes as raw contents only", datatype_name(type)));
  }
  return {};
}

/// A parameter that counts something; 0 when it is not given.
template <typename Parameters>
core::Result<std::int64_t> integer_parameter(const Parameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::int64_t{0};
  const inference::InferParameter& parameter = found->second;
  std::int64_t value = -1;
  if (parameter.parameter_choice_case() == inference::InferParameter::kInt64Param)
    value = parameter.int64_param();
  if (parameter.parameter_choice_case() == inference::InferParameter::kUint64Param)
    value = static_cast<std::int64_t>(parameter.uint64_param());
  if (value < 0) return invalid(fmt::format("parameter '{}' should be a whole number", name));
  return value;
}

core::Result<> read_tensor(const inference::ModelInferRequest::InferInputTensor& message,
                           const std::string* raw, std::size_t& elements_left,
                           InputTensor& tensor) {
  tensor.name = message.name();
  if (tensor.name.empty()) return invalid("has no name");
  const auto type = parse_datatype(message.datatype());
  if (!type) return invalid(fmt::format("'{}' is no datatype", message.datatype()));
  tensor.datatype = *type;
  tensor.shape.assign(message.shape().begin(), message.shape().end());
  auto count = element_count(tensor.shape, elements_left);
  if (!count) return std::move(count).error();
  elements_left -= *count;
  if (raw != nullptr) return decode_raw(tensor.datatype, *raw, *count, tensor.values);
  // Before anything is copied: a cell takes many times the bytes of a small number.
  if (const std::size_t size = contents_size(message.contents()); size != *count)
    return invalid(fmt::format("has {} elements, its shape says {}", size, *count));
  if (auto ok = append_contents(message.contents(), tensor.datatype, tensor.values); !ok) return ok;
  if (tensor.values.size() != *count)
    return invalid(fmt::format("has elements that are no {}", datatype_name(tensor.datatype)));
  return {};
}

}  // namespace

core::Result<> read_message(const inference::ModelInferRequest& request, std::size_t elements_max,
                            Inference& inference) {
  inference.clear();
  if (static_cast<std::size_t>(request.inputs_size()) > Inference::kInputsMax)
    return invalid(fmt::format("more than {} inputs", Inference::kInputsMax));
  std::size_t elements_left = elements_max;
  // One entry for each input that has no typed contents, in their order.
  int raw_count = 0;
  for (const auto& message : request.inputs()) {
    const std::string* raw = nullptr;
    if (!message.has_contents() && raw_count < request.raw_input_contents_size())
      raw = &request.raw_input_contents(raw_count++);
    if (auto ok = read_tensor(message, raw, elements_left, inference.inputs.emplace_back()); !ok)
      return std::move(ok).error().within(fmt::format("input '{}'", message.name()));
  }
  if (raw_count != request.raw_input_contents_size())
    return invalid(fmt::format("{} raw contents for {} inputs without typed ones",
                               request.raw_input_contents_size(), raw_count));
  for (const auto& output : request.outputs()) {
    const auto count = integer_parameter(output.parameters(), "classification");
    if (!count) return core::Error(count.error()).within(fmt::format("output '{}'", output.name()));
    inference.outputs.push_back(
        {.name = output.name(), .class_count = static_cast<std::size_t>(*count)});
  }
  const auto timeout = integer_parameter(request.parameters(), "timeout");
  if (!timeout) return timeout.error();
  inference.timeout = *timeout;
  return {};
}

void write_message(std::span<const OutputTensor> tensors, inference::ModelInferResponse& response) {
  for (const OutputTensor& tensor : tensors) {
    auto* output = response.add_outputs();
    output->set_name(std::string(tensor.name));
    output->set_datatype(std::string(datatype_name(tensor.datatype)));
    for (const std::int64_t dimension : tensor.shape) output->add_shape(dimension);
    encode_raw(tensor, *response.add_raw_output_contents());
  }
}

}  // namespace tenure::api
