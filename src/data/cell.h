#pragma once

#include <cstdint>
#include <string_view>

namespace tenure::data {

/// One input value of one row, as it travels on the serving path: no allocation, trivially
/// copyable. Booleans are the numbers 0 and 1; timestamps are microseconds since 1970 as a number.
struct Cell {
  enum class Kind : std::uint8_t {
    kAbsent,  ///< not given: the request says nothing about it
    kNull,    ///< known to be missing
    kNumber,
    kText,
  };
  Kind kind = Kind::kAbsent;
  double number = 0;      ///< for kNumber
  std::string_view text;  ///< for kText; the owner of the row keeps the bytes alive

  static Cell null() { return {.kind = Kind::kNull, .number = 0, .text = {}}; }
  static Cell of(double value) { return {.kind = Kind::kNumber, .number = value, .text = {}}; }
  static Cell of(std::string_view value) {
    return {.kind = Kind::kText, .number = 0, .text = value};
  }
};

}  // namespace tenure::data
