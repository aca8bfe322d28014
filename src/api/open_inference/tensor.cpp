#include "api/open_inference/tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "core/utf8.h"

namespace tenure::api {
namespace {

static_assert(std::endian::native == std::endian::little);

struct DatatypeFacts {
  std::string_view name;
  std::size_t size;
};

constexpr std::array kFacts = std::to_array<DatatypeFacts>({{"BOOL", 1},
                                                            {"INT8", 1},
                                                            {"INT16", 2},
                                                            {"INT32", 4},
                                                            {"INT64", 8},
                                                            {"UINT8", 1},
                                                            {"UINT16", 2},
                                                            {"UINT32", 4},
                                                            {"UINT64", 8},
                                                            {"FP16", 2},
                                                            {"BF16", 2},
                                                            {"FP32", 4},
                                                            {"FP64", 8},
                                                            {"BYTES", 0}});

/// IEEE 754 binary16.
double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const double fraction = bits & 0x3FF;
  double value = 0;
  if (exponent == 0x1F) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(fraction + 1024, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double bfloat_to_double(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

template <typename T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double decode_number(Datatype type, const char* from) {
  switch (type) {
    case Datatype::kBool:
      return *from != 0 ? 1 : 0;
    case Datatype::kInt8:
      return load<std::int8_t>(from);
    case Datatype::kInt16:
      return load<std::int16_t>(from);
    case Datatype::kInt32:
      return load<std::int32_t>(from);
    case Datatype::kInt64:
      return static_cast<double>(load<std::int64_t>(from));
    case Datatype::kUint8:
      return load<std::uint8_t>(from);
    case Datatype::kUint16:
      return load<std::uint16_t>(from);
    case Datatype::kUint32:
      return load<std::uint32_t>(from);
    case Datatype::kUint64:
      return static_cast<double>(load<std::uint64_t>(from));
    case Datatype::kFp16:
      return half_to_double(load<std::uint16_t>(from));
    case Datatype::kBf16:
      return bfloat_to_double(load<std::uint16_t>(from));
    case Datatype::kFp32:
      return static_cast<double>(load<float>(from));
    case Datatype::kFp64:
      return load<double>(from);
    case Datatype::kBytes:
      break;
  }
  return 0;
}

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Result<> decode_texts(std::string_view raw, std::size_t count, std::vector<data::Cell>& out) {
  for (std::size_t i = 0; i < count; ++i) {
    if (raw.size() < sizeof(std::uint32_t))
      return invalid(fmt::format("ends before element {} of {}", i, count));
    const std::size_t length = load<std::uint32_t>(raw.data());
    raw.remove_prefix(sizeof(std::uint32_t));
    if (raw.size() < length)
      return invalid(
          fmt::format("element {} has {} bytes, but {} are left", i, length, raw.size()));
    if (!core::is_utf8(raw.substr(0, length)))
      return invalid(fmt::format("element {} is not UTF-8", i));
    out.push_back(data::Cell::of(raw.substr(0, length)));
    raw.remove_prefix(length);
  }
  if (!raw.empty()) return invalid(fmt::format("has {} bytes behind its last element", raw.size()));
  return {};
}

}  // namespace

std::string_view datatype_name(Datatype type) {
  return kFacts[static_cast<std::size_t>(type)].name;
}

std::optional<Datatype> parse_datatype(std::string_view name) {
  const auto found = std::ranges::find(kFacts, name, &DatatypeFacts::name);
  if (found == kFacts.end()) return std::nullopt;
  return static_cast<Datatype>(found - kFacts.begin());
}

std::size_t element_size(Datatype type) {
  return kFacts[static_cast<std::size_t>(type)].size;
}

bool is_integer(Datatype type) {
  return type >= Datatype::kInt8 && type <= Datatype::kUint64;
}

core::Result<std::size_t> element_count(std::span<const std::int64_t> shape, std::size_t max) {
  std::size_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) return invalid(fmt::format("has the dimension {}", dimension));
    const auto size = static_cast<std::size_t>(dimension);
    if (size != 0 && count > max / size)
      return invalid(fmt::format("has more than the {} elements that a request may have", max));
    count *= size;
  }
  return count;
}

core::Result<> decode_raw(Datatype type, std::string_view raw, std::size_t count,
                          std::vector<data::Cell>& out) {
  if (type == Datatype::kBytes) return decode_texts(raw, count, out);
  const std::size_t size = element_size(type);
  if (raw.size() / size != count || raw.size() % size != 0)
    return invalid(fmt::format("has {} bytes; {} elements of {} take {}", raw.size(), count,
                               datatype_name(type), count * size));
  for (std::size_t i = 0; i < count; ++i) {
    const double value = decode_number(type, raw.data() + i * size);
    out.push_back(std::isnan(value) ? data::Cell::null() : data::Cell::of(value));
  }
  return {};
}

void encode_raw(const OutputTensor& tensor, std::string& out) {
  const auto append = [&out](const auto& values) {
    const auto bytes = std::as_bytes(std::span(values));
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  append(tensor.floats);
  append(tensor.integers);
  for (const std::string& text : tensor.texts) {
    const std::array length{static_cast<std::uint32_t>(text.size())};
    append(length);
    out += text;
  }
}

}  // namespace tenure::api
