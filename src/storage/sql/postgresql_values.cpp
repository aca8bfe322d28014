#include "storage/sql/postgresql_values.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

#include <postgresql/libpq-fe.h>

namespace tenure::storage {
namespace {

/// An integer in network order, of `T`'s size.
template <typename T>
T big_endian(const char* bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>((value << 8) | static_cast<unsigned char>(bytes[i]));
  return value;
}

SqlCell binary_cell(std::string_view bytes, unsigned type) {
  switch (type) {
    case PostgresqlType::kBool:
      return std::int64_t{bytes[0] != 0};
    case PostgresqlType::kInt2:
      return std::int64_t{static_cast<std::int16_t>(big_endian<std::uint16_t>(bytes.data()))};
    case PostgresqlType::kInt4:
      return std::int64_t{static_cast<std::int32_t>(big_endian<std::uint32_t>(bytes.data()))};
    case PostgresqlType::kOid:
      return std::int64_t{big_endian<std::uint32_t>(bytes.data())};
    case PostgresqlType::kInt8:
      return static_cast<std::int64_t>(big_endian<std::uint64_t>(bytes.data()));
    case PostgresqlType::kFloat4:
      return double{std::bit_cast<float>(big_endian<std::uint32_t>(bytes.data()))};
    case PostgresqlType::kFloat8:
      return std::bit_cast<double>(big_endian<std::uint64_t>(bytes.data()));
    default:
      return bytes;
  }
}

template <typename T>
SqlCell parsed(std::string_view text) {
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return text;
  return value;
}

SqlCell text_cell(std::string_view text, unsigned type) {
  switch (type) {
    case PostgresqlType::kBool:
      return std::int64_t{text == "t"};
    case PostgresqlType::kInt2:
    case PostgresqlType::kInt4:
    case PostgresqlType::kInt8:
    case PostgresqlType::kOid:
      return parsed<std::int64_t>(text);
    case PostgresqlType::kNumeric: {
      const SqlCell integer = parsed<std::int64_t>(text);
      return std::holds_alternative<std::int64_t>(integer) ? integer : parsed<double>(text);
    }
    case PostgresqlType::kFloat4:
    case PostgresqlType::kFloat8:
      return parsed<double>(text);
    default:
      return text;
  }
}

}  // namespace

unsigned own_postgresql_type(const SqlValue& value) {
  if (std::holds_alternative<std::int64_t>(value)) return PostgresqlType::kInt8;
  if (std::holds_alternative<double>(value)) return PostgresqlType::kFloat8;
  if (std::holds_alternative<std::string>(value)) return PostgresqlType::kText;
  return PostgresqlType::kUnknown;
}

bool fits_postgresql_type(unsigned type, const SqlValue& value) {
  const bool is_integer = type == PostgresqlType::kInt2 || type == PostgresqlType::kInt4 ||
                          type == PostgresqlType::kInt8;
  if (std::holds_alternative<double>(value)) return !is_integer;
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return true;
  const std::int64_t limit =
      type == PostgresqlType::kInt4   ? std::numeric_limits<std::int32_t>::max()
      : type == PostgresqlType::kInt2 ? std::numeric_limits<std::int16_t>::max()
                                      : 0;
  return limit == 0 || (*number >= -limit - 1 && *number <= limit);
}

bool has_binary_form(unsigned type) {
  constexpr unsigned kChar = 18;
  constexpr unsigned kName = 19;
  constexpr unsigned kJson = 114;
  constexpr unsigned kUnknownText = 705;
  constexpr unsigned kPaddedChar = 1042;
  constexpr unsigned kVarchar = 1043;
  switch (type) {
    case PostgresqlType::kBool:
    case PostgresqlType::kInt2:
    case PostgresqlType::kInt4:
    case PostgresqlType::kInt8:
    case PostgresqlType::kOid:
    case PostgresqlType::kFloat4:
    case PostgresqlType::kFloat8:
    case PostgresqlType::kText:
    case kChar:
    case kName:
    case kJson:
    case kUnknownText:
    case kPaddedChar:
    case kVarchar:
      return true;
    default:
      return false;
  }
}

SqlCell postgresql_cell(const pg_result* result, int row, int column, unsigned type,
                        bool is_binary) {
  if (PQgetisnull(result, row, column) != 0) return nullptr;
  const std::string_view bytes(PQgetvalue(result, row, column),
                               static_cast<std::size_t>(PQgetlength(result, row, column)));
  return is_binary ? binary_cell(bytes, type) : text_cell(bytes, type);
}

}  // namespace tenure::storage
