#include "api/open_inference/infer_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "api/rows/cell_text.h"

namespace tenure::api {
namespace {

using Kind = JsonReader::Kind;

/// Of data that was counted when it was read.
constexpr std::size_t kCountMax = std::size_t{1} << 40;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Reads true or false; nothing, with the value skipped, for anything else.
std::optional<bool> read_flag(JsonReader& reader) {
  const Kind kind = reader.peek();
  reader.skip();
  if (kind != Kind::kTrue && kind != Kind::kFalse) return std::nullopt;
  return kind == Kind::kTrue;
}

/// Whether a JSON value may stand in a tensor of that type.
bool fits(Datatype type, const data::Cell& cell) {
  switch (cell.kind) {
    case data::Cell::Kind::kText:
      return type == Datatype::kBytes;
    case data::Cell::Kind::kNumber:
      if (type == Datatype::kBool) return cell.number == 0 || cell.number == 1;
      return type != Datatype::kBytes &&
             (!is_integer(type) || std::trunc(cell.number) == cell.number);
    case data::Cell::Kind::kNull:
    case data::Cell::Kind::kAbsent:
      break;
  }
  return true;
}

}  // namespace

void InferRequest::refuse(std::string message) {
  if (mistake_.empty()) mistake_ = std::move(message);
}

bool InferRequest::has_binary_output() const {
  return std::ranges::find(binary_outputs_, true) != binary_outputs_.end();
}

core::Result<> InferRequest::decode(std::string_view body, std::optional<std::size_t> json_length,
                                    std::size_t elements_max, Inference& inference) {
  inference.clear();
  inference_ = &inference;
  elements_left_ = elements_max;
  id_ = {};
  binary_data_output_.reset();
  outputs_.clear();
  binary_outputs_.clear();
  binary_sizes_.clear();
  has_data_.clear();
  mistake_.clear();
  if (json_length && *json_length > body.size())
    return invalid(fmt::format("Inference-Header-Content-Length is {}, but the body has {} bytes",
                               *json_length, body.size()));
  const std::string_view json = body.substr(0, json_length.value_or(body.size()));
  std::string_view binary = body.substr(json.size());
  JsonReader reader(json, unescaped_, JsonReader::Grammar::kPython);
  read_body(reader);
  if (!reader.finish())
    return invalid(fmt::format("failed to parse the request JSON buffer: {} at {}", reader.reason(),
                               reader.offset()));
  if (!mistake_.empty()) return invalid(std::move(mistake_));
  for (std::size_t i = 0; i < inference.inputs.size(); ++i) {
    InputTensor& tensor = inference.inputs[i];
    if (auto ok = finish_input(tensor, binary_sizes_[i], has_data_[i], binary); !ok)
      return std::move(ok).error().within(fmt::format("input '{}'", tensor.name));
  }
  if (!binary.empty())
    return invalid(fmt::format("{} bytes behind the data of the last input", binary.size()));
  for (const RequestedOutput& output : outputs_) {
    inference.outputs.push_back({.name = output.name, .class_count = output.class_count});
    binary_outputs_.push_back(output.is_binary.value_or(binary_data_output_.value_or(false)));
  }
  if (outputs_.empty()) binary_outputs_.assign(1, binary_data_output_.value_or(false));
  return {};
}

void InferRequest::read_body(JsonReader& reader) {
  if (reader.peek() != Kind::kObject) {
    reader.skip();
    return refuse("the request should be a JSON object");
  }
  reader.open_object();
  std::string_view key;
  while (reader.next_key(key)) {
    const Kind kind = reader.peek();
    if (key == "id" && kind == Kind::kText) {
      id_ = reader.read_text();
    } else if (key == "inputs" && kind == Kind::kArray) {
      read_inputs(reader);
    } else if (key == "outputs" && kind == Kind::kArray) {
      read_outputs(reader);
    } else if (key == "parameters" && kind == Kind::kObject) {
      const Parameters parameters = read_parameters(reader);
      binary_data_output_ = parameters.binary_data_output;
      inference_->timeout = parameters.timeout;
    } else {
      if ((key == "inputs" || key == "outputs") && kind != Kind::kNull)
        refuse(fmt::format("'{}' should be a list", key));
      reader.skip();
    }
  }
}

void InferRequest::read_inputs(JsonReader& reader) {
  reader.open_array();
  while (reader.next_item()) {
    if (reader.peek() != Kind::kObject || inference_->inputs.size() == Inference::kInputsMax) {
      refuse(fmt::format("'inputs' should be at most {} objects", Inference::kInputsMax));
      reader.skip();
      continue;
    }
    read_input(reader, inference_->inputs.emplace_back());
  }
}

void InferRequest::read_input(JsonReader& reader, InputTensor& tensor) {
  std::optional<std::size_t> binary_size;
  bool has_data = false, has_type = false, has_shape = false;
  std::string_view key;
  reader.open_object();
  while (reader.next_key(key)) {
    const Kind kind = reader.peek();
    if (key == "name" && kind == Kind::kText) {
      tensor.name = reader.read_text();
    } else if (key == "datatype" && kind == Kind::kText) {
      const std::string_view name = reader.read_text();
      const auto type = parse_datatype(name);
      if (!type) refuse(fmt::format("'{}' is no datatype", name));
      tensor.datatype = type.value_or(Datatype::kFp32);
      has_type = true;
    } else if (key == "shape" && kind == Kind::kArray) {
      read_shape(reader, tensor);
      has_shape = true;
    } else if (key == "parameters" && kind == Kind::kObject) {
      binary_size = read_parameters(reader).binary_data_size;
    } else if (key == "data" && kind == Kind::kArray) {
      if (has_data) refuse("'data' is given twice");
      read_data(reader, tensor);
      has_data = true;
    } else {
      reader.skip();
    }
  }
  if (reader.has_failed()) return;
  if (tensor.name.empty()) refuse("an input has no 'name'");
  if (!has_type) refuse(fmt::format("input '{}' has no 'datatype'", tensor.name));
  if (!has_shape) refuse(fmt::format("input '{}' has no 'shape'", tensor.name));
  binary_sizes_.push_back(binary_size);
  has_data_.push_back(has_data);
}

void InferRequest::read_shape(JsonReader& reader, InputTensor& tensor) {
  reader.open_array();
  while (reader.next_item()) {
    const auto dimension = parse_integer(reader.skip());
    if (!dimension || tensor.shape.size() == 8)
      refuse("'shape' should be a list of at most 8 whole numbers");
    else
      tensor.shape.push_back(*dimension);
  }
}

/// Flattens nested lists, row by row.
void InferRequest::read_data(JsonReader& reader, InputTensor& tensor) {
  reader.open_array();
  while (reader.next_item()) {
    if (reader.peek() == Kind::kArray) {
      read_data(reader, tensor);  // the reader limits the depth
      continue;
    }
    if (elements_left_ == 0) {
      refuse("more elements than a request may have");
      reader.skip();
      continue;
    }
    --elements_left_;
    switch (reader.peek()) {
      case Kind::kText:
        tensor.values.push_back(data::Cell::of(reader.read_text()));
        break;
      case Kind::kNumber: {
        const auto value = parse_double(reader.read_number());
        if (value) tensor.values.push_back(data::Cell::of(*value));
        break;
      }
      case Kind::kTrue:
      case Kind::kFalse:
        tensor.values.push_back(data::Cell::of(read_flag(reader).value_or(false) ? 1.0 : 0.0));
        break;
      case Kind::kNull:
        reader.skip();
        tensor.values.push_back(data::Cell::null());
        break;
      default:
        refuse("'data' should hold numbers, texts, true, false and null");
        reader.skip();
    }
  }
}

void InferRequest::read_outputs(JsonReader& reader) {
  reader.open_array();
  while (reader.next_item()) {
    RequestedOutput output;
    if (reader.peek() != Kind::kObject) {
      refuse("each of 'outputs' should be an object");
      reader.skip();
      continue;
    }
    reader.open_object();
    std::string_view key;
    while (reader.next_key(key)) {
      const Kind kind = reader.peek();
      if (key == "name" && kind == Kind::kText) {
        output.name = reader.read_text();
      } else if (key == "parameters" && kind == Kind::kObject) {
        const Parameters parameters = read_parameters(reader);
        output.is_binary = parameters.binary_data;
        output.class_count = parameters.class_count;
      } else {
        reader.skip();
      }
    }
    outputs_.push_back(output);
  }
}

InferRequest::Parameters InferRequest::read_parameters(JsonReader& reader) {
  Parameters parameters;
  std::string_view key;
  reader.open_object();
  while (reader.next_key(key)) {
    if (key == "binary_data_size") {
      const auto size = parse_integer(reader.skip());
      if (!size || *size < 0)
        refuse("'binary_data_size' should be a whole number of bytes");
      else
        parameters.binary_data_size = static_cast<std::size_t>(*size);
    } else if (key == "classification") {
      const auto count = parse_integer(reader.skip());
      if (!count || *count < 0)
        refuse("'classification' should be a number of classes");
      else
        parameters.class_count = static_cast<std::size_t>(*count);
    } else if (key == "timeout") {
      const auto timeout = parse_integer(reader.skip());
      if (!timeout || *timeout < 0)
        refuse("'timeout' should be a whole number of microseconds");
      else
        parameters.timeout = *timeout;
    } else if (key == "binary_data") {
      parameters.binary_data = read_flag(reader);
    } else if (key == "binary_data_output") {
      parameters.binary_data_output = read_flag(reader);
    } else {
      reader.skip();
    }
  }
  return parameters;
}

core::Result<> InferRequest::finish_input(InputTensor& tensor,
                                          std::optional<std::size_t> binary_size, bool has_data,
                                          std::string_view& binary) {
  auto count = element_count(tensor.shape, binary_size ? elements_left_ : kCountMax);
  if (!count) return std::move(count).error();
  if (binary_size) {
    elements_left_ -= *count;
    if (has_data) return invalid("has both 'data' and 'binary_data_size'");
    if (*binary_size > binary.size())
      return invalid(fmt::format("binary_data_size is {}, but {} bytes are left", *binary_size,
                                 binary.size()));
    auto decoded =
        decode_raw(tensor.datatype, binary.substr(0, *binary_size), *count, tensor.values);
    binary.remove_prefix(*binary_size);
    return decoded;
  }
  if (!has_data) return invalid("has no 'data'");
  if (tensor.datatype == Datatype::kFp16 || tensor.datatype == Datatype::kBf16)
    return invalid(fmt::format("{} has no form in JSON; send it as binary data",
                               datatype_name(tensor.datatype)));
  if (tensor.values.size() != *count)
    return invalid(fmt::format("has {} elements, its shape says {}", tensor.values.size(), *count));
  for (std::size_t i = 0; i < *count; ++i) {
    if (!fits(tensor.datatype, tensor.values[i]))
      return invalid(fmt::format("element {} is no {}", i, datatype_name(tensor.datatype)));
  }
  return {};
}

}  // namespace tenure::api
