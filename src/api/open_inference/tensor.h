#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/cell.h"

namespace tenure::api {

/// Element types of the Open Inference Protocol (V2).
enum class Datatype : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kBytes,
};

std::string_view datatype_name(Datatype type);  ///< "FP32"
std::optional<Datatype> parse_datatype(std::string_view name);
std::size_t element_size(Datatype type);  ///< bytes; 0 for kBytes, whose elements have a length
bool is_integer(Datatype type);           ///< kInt8 … kUint64

/// A tensor of a request, its elements row by row. NaN is missing, as null is.
struct InputTensor {
  std::string_view name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape;
  std::vector<data::Cell> values;  ///< texts are the request's bytes
};

/// A tensor of an answer. One of the three holds the elements, as the type says.
struct OutputTensor {
  std::string_view name;                ///< static text
  Datatype datatype = Datatype::kFp32;  ///< kFp32, kInt64 or kBytes
  std::vector<std::int64_t> shape;
  std::vector<float> floats;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
};

/// Elements in a tensor of that shape. Errors: kInvalidArgument for a negative dimension or more
/// than `max` elements.
core::Result<std::size_t> element_count(std::span<const std::int64_t> shape, std::size_t max);

/// Appends the elements in `raw`: little-endian, no padding; texts as a 32-bit length and their
/// bytes. Errors: kInvalidArgument when the bytes are not exactly `count` elements.
core::Result<> decode_raw(Datatype type, std::string_view raw, std::size_t count,
                          std::vector<data::Cell>& out);

/// Appends the tensor's elements in the same form.
void encode_raw(const OutputTensor& tensor, std::string& out);

}  // namespace tenure::api
