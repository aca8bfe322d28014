#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

namespace tenure::features {

// Bytes are copied as they lie in memory.
static_assert(std::endian::native == std::endian::little, "online rows are little endian");

/// Appends the bytes of a fixed-size number.
template <typename T>
void append_little_endian(T value, std::string& out) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

/// Reads a number at an offset that is known to be inside.
template <typename T>
T read_little_endian(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

}  // namespace tenure::features
