#include "data/duckdb_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::data {
namespace {

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

bool is_valid(const std::uint64_t* validity, idx_t row) {
  return validity == nullptr || ((validity[row / 64] >> (row % 64)) & 1U) != 0;
}

core::Error out_of_range(std::string_view column, std::string_view why) {
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("column '{}' holds {}", column, why)};
}

/// What every reader does: the name, and which values are missing. The bytes are kept only from the
/// first missing value on, since most columns have none.
class ReaderBase : public ColumnReader {
 public:
  ReaderBase(std::string name, ColumnType type) {
    column_.name = std::move(name);
    column_.type = type;
  }

 protected:
  void mark(bool is_present) {
    if (!is_present && column_.valid.empty()) column_.valid.assign(rows_, 1);
    if (!is_present || !column_.valid.empty()) column_.valid.push_back(is_present ? 1 : 0);
    ++rows_;
  }

  Column column_;
  std::size_t rows_ = 0;
};

/// Fixed-width values: `Convert` turns one engine value into one of ours and says whether it fits.
template <typename Source, typename Target, typename Convert>
class FixedReader final : public ReaderBase {
 public:
  FixedReader(std::string name, ColumnType type, Convert convert, std::string_view why_not)
      : ReaderBase(std::move(name), type), convert_(convert), why_not_(why_not) {}

  core::Result<> append(duckdb_vector vector, idx_t rows) override {
    const auto* source = static_cast<const Source*>(duckdb_vector_get_data(vector));
    const std::uint64_t* validity = duckdb_vector_get_validity(vector);
    for (idx_t row = 0; row < rows; ++row) {
      Target value = missing();
      bool is_present = is_valid(validity, row);
      if (is_present && !convert_(source[row], value)) return out_of_range(column_.name, why_not_);
      if constexpr (std::is_same_v<Target, double>) is_present = is_present && !std::isnan(value);
      values_.push_back(value);
      mark(is_present);
    }
    return {};
  }

  Column take() override {
    column_.values = std::move(values_);
    return std::move(column_);
  }

 private:
  static Target missing() {
    if constexpr (std::is_same_v<Target, double>) return std::numeric_limits<double>::quiet_NaN();
    return Target{0};
  }

  Convert convert_;
  std::string_view why_not_;
  std::vector<Target> values_;
};

template <typename Source, typename Target, typename Convert>
std::unique_ptr<ColumnReader> fixed(std::string name, ColumnType type, Convert convert,
                                    std::string_view why_not = "a value out of range") {
  return std::make_unique<FixedReader<Source, Target, Convert>>(std::move(name), type, convert,
                                                                why_not);
}

template <typename Source>
std::unique_ptr<ColumnReader> whole(std::string name) {
  return fixed<Source, std::int64_t>(std::move(name), ColumnType::kInteger,
                                     [](Source from, std::int64_t& to) {
                                       to = static_cast<std::int64_t>(from);
                                       return true;
                                     });
}

template <typename Source>
std::unique_ptr<ColumnReader> real(std::string name) {
  return fixed<Source, double>(std::move(name), ColumnType::kNumber, [](Source from, double& to) {
    to = static_cast<double>(from);
    return true;
  });
}

template <typename Source>
std::unique_ptr<ColumnReader> decimal(std::string name, double divisor) {
  return fixed<Source, double>(std::move(name), ColumnType::kNumber,
                               [divisor](Source from, double& to) {
                                 if constexpr (std::is_same_v<Source, duckdb_hugeint>) {
                                   to = duckdb_hugeint_to_double(from) / divisor;
                                 } else {
                                   to = static_cast<double>(from) / divisor;
                                 }
                                 return true;
                               });
}

std::unique_ptr<ColumnReader> decimal(std::string name, duckdb_logical_type type) {
  const double divisor = std::pow(10.0, duckdb_decimal_scale(type));
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT:
      return decimal<std::int16_t>(std::move(name), divisor);
    case DUCKDB_TYPE_INTEGER:
      return decimal<std::int32_t>(std::move(name), divisor);
    case DUCKDB_TYPE_BIGINT:
      return decimal<std::int64_t>(std::move(name), divisor);
    default:
      return decimal<duckdb_hugeint>(std::move(name), divisor);
  }
}

/// An instant in units of which one is `micros` long. DuckDB's infinities are the largest values.
std::unique_ptr<ColumnReader> instant(std::string name, std::int64_t micros) {
  return fixed<std::int64_t, std::int64_t>(
      std::move(name), ColumnType::kTimestamp,
      [micros](std::int64_t from, std::int64_t& to) {
        constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
        return from != kInfinity && from != -kInfinity &&
               !__builtin_mul_overflow(from, micros, &to);
      },
      "a time without end or out of range");
}

std::unique_ptr<ColumnReader> nanoseconds(std::string name) {
  return fixed<std::int64_t, std::int64_t>(
      std::move(name), ColumnType::kTimestamp,
      [](std::int64_t from, std::int64_t& to) {
        constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
        to = from / 1000 - (from % 1000 < 0 ? 1 : 0);
        return from != kInfinity && from != -kInfinity;
      },
      "a time without end or out of range");
}

std::unique_ptr<ColumnReader> date(std::string name) {
  return fixed<std::int32_t, std::int64_t>(
      std::move(name), ColumnType::kTimestamp,
      [](std::int32_t from, std::int64_t& to) {
        return !__builtin_mul_overflow(static_cast<std::int64_t>(from), kMicrosPerDay, &to);
      },
      "a date without end or out of range");
}

std::unique_ptr<ColumnReader> huge(std::string name) {
  return fixed<duckdb_hugeint, std::int64_t>(
      std::move(name), ColumnType::kInteger,
      [](duckdb_hugeint from, std::int64_t& to) {
        to = static_cast<std::int64_t>(from.lower);
        return from.upper == (to < 0 ? -1 : 0);
      },
      "an integer beyond 64 bits");
}

std::unique_ptr<ColumnReader> unsigned_huge(std::string name) {
  return fixed<duckdb_uhugeint, std::int64_t>(
      std::move(name), ColumnType::kInteger,
      [](duckdb_uhugeint from, std::int64_t& to) {
        to = static_cast<std::int64_t>(from.lower);
        return from.upper == 0 && to >= 0;
      },
      "an integer beyond 64 bits");
}

std::unique_ptr<ColumnReader> unsigned_big(std::string name) {
  return fixed<std::uint64_t, std::int64_t>(
      std::move(name), ColumnType::kInteger,
      [](std::uint64_t from, std::int64_t& to) {
        to = static_cast<std::int64_t>(from);
        return to >= 0;
      },
      "an integer beyond 64 bits");
}

/// Texts into a dictionary: a hash table of codes with open addressing, since the dictionary itself
/// holds the keys.
class TextReader final : public ReaderBase {
 public:
  explicit TextReader(std::string name) : ReaderBase(std::move(name), ColumnType::kText) {}

  core::Result<> append(duckdb_vector vector, idx_t rows) override {
    auto* source = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    const std::uint64_t* validity = duckdb_vector_get_validity(vector);
    for (idx_t row = 0; row < rows; ++row) {
      const bool is_present = is_valid(validity, row);
      mark(is_present);
      if (!is_present) {
        texts_.codes.push_back(0);
        continue;
      }
      const std::string_view text(duckdb_string_t_data(&source[row]),
                                  duckdb_string_t_length(source[row]));
      texts_.codes.push_back(code_of(text));
    }
    return {};
  }

  Column take() override {
    // Code 0 of a missing value must mean something, even when all values are missing.
    if (texts_.dictionary.empty() && rows_ > 0) texts_.dictionary.emplace_back();
    column_.values = std::move(texts_);
    return std::move(column_);
  }

 private:
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t code_of(std::string_view text) {
    if ((texts_.dictionary.size() + 1) * 2 > slots_.size()) grow();
    const std::size_t hash = std::hash<std::string_view>{}(text);
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at] != kFree; at = (at + 1) & (slots_.size() - 1)) {
      const std::uint32_t code = slots_[at];
      if (hashes_[code] == hash && texts_.dictionary[code] == text) return code;
    }
    const auto code = static_cast<std::uint32_t>(texts_.dictionary.size());
    slots_[at] = code;
    hashes_.push_back(hash);
    texts_.dictionary.emplace_back(text);
    return code;
  }

  void grow() {
    slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), kFree);
    for (std::uint32_t code = 0; code < hashes_.size(); ++code) {
      std::size_t at = hashes_[code] & (slots_.size() - 1);
      while (slots_[at] != kFree) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = code;
    }
  }

  TextValues texts_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::size_t> hashes_;
};

/// ENUM: the codes are there already; the type holds the dictionary.
class EnumReader final : public ReaderBase {
 public:
  EnumReader(std::string name, duckdb_logical_type type)
      : ReaderBase(std::move(name), ColumnType::kText), width_(duckdb_enum_internal_type(type)) {
    const std::uint32_t size = duckdb_enum_dictionary_size(type);
    for (std::uint32_t i = 0; i < size; ++i) {
      char* text = duckdb_enum_dictionary_value(type, i);
      texts_.dictionary.emplace_back(text);
      duckdb_free(text);
    }
    if (texts_.dictionary.empty()) texts_.dictionary.emplace_back();
  }

  core::Result<> append(duckdb_vector vector, idx_t rows) override {
    const void* source = duckdb_vector_get_data(vector);
    const std::uint64_t* validity = duckdb_vector_get_validity(vector);
    for (idx_t row = 0; row < rows; ++row) {
      const bool is_present = is_valid(validity, row);
      texts_.codes.push_back(is_present ? code(source, row) : 0);
      mark(is_present);
    }
    return {};
  }

  Column take() override {
    column_.values = std::move(texts_);
    return std::move(column_);
  }

 private:
  std::uint32_t code(const void* source, idx_t row) const {
    if (width_ == DUCKDB_TYPE_UTINYINT) return static_cast<const std::uint8_t*>(source)[row];
    if (width_ == DUCKDB_TYPE_USMALLINT) return static_cast<const std::uint16_t*>(source)[row];
    return static_cast<const std::uint32_t*>(source)[row];
  }

  duckdb_type width_;
  TextValues texts_;
};

/// A column of the literal NULL has no values to look at.
class NullReader final : public ReaderBase {
 public:
  explicit NullReader(std::string name) : ReaderBase(std::move(name), ColumnType::kText) {}
  core::Result<> append(duckdb_vector, idx_t rows) override {
    for (idx_t row = 0; row < rows; ++row) mark(false);
    return {};
  }
  Column take() override {
    column_.values = TextValues{.codes = std::vector<std::uint32_t>(rows_, 0), .dictionary = {""}};
    return std::move(column_);
  }
};

template <typename T>
void copy_values(const std::vector<T>& from, std::size_t first, std::size_t count,
                 duckdb_vector vector) {
  std::memcpy(duckdb_vector_get_data(vector), from.data() + first, count * sizeof(T));
}

}  // namespace

bool is_readable_type(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_SQLNULL:
      return true;
    default:
      return false;
  }
}

std::unique_ptr<ColumnReader> ColumnReader::make(std::string name, duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
      return fixed<bool, std::uint8_t>(std::move(name), ColumnType::kBoolean,
                                       [](bool from, std::uint8_t& to) {
                                         to = from ? 1 : 0;
                                         return true;
                                       });
    case DUCKDB_TYPE_TINYINT:
      return whole<std::int8_t>(std::move(name));
    case DUCKDB_TYPE_SMALLINT:
      return whole<std::int16_t>(std::move(name));
    case DUCKDB_TYPE_INTEGER:
      return whole<std::int32_t>(std::move(name));
    case DUCKDB_TYPE_BIGINT:
      return whole<std::int64_t>(std::move(name));
    case DUCKDB_TYPE_UTINYINT:
      return whole<std::uint8_t>(std::move(name));
    case DUCKDB_TYPE_USMALLINT:
      return whole<std::uint16_t>(std::move(name));
    case DUCKDB_TYPE_UINTEGER:
      return whole<std::uint32_t>(std::move(name));
    case DUCKDB_TYPE_UBIGINT:
      return unsigned_big(std::move(name));
    case DUCKDB_TYPE_HUGEINT:
      return huge(std::move(name));
    case DUCKDB_TYPE_UHUGEINT:
      return unsigned_huge(std::move(name));
    case DUCKDB_TYPE_FLOAT:
      return real<float>(std::move(name));
    case DUCKDB_TYPE_DOUBLE:
      return real<double>(std::move(name));
    case DUCKDB_TYPE_DECIMAL:
      return decimal(std::move(name), type);
    case DUCKDB_TYPE_DATE:
      return date(std::move(name));
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return instant(std::move(name), 1);
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return instant(std::move(name), 1000);
    case DUCKDB_TYPE_TIMESTAMP_S:
      return instant(std::move(name), 1'000'000);
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return nanoseconds(std::move(name));
    case DUCKDB_TYPE_ENUM:
      return std::make_unique<EnumReader>(std::move(name), type);
    case DUCKDB_TYPE_SQLNULL:
      return std::make_unique<NullReader>(std::move(name));
    case DUCKDB_TYPE_VARCHAR:
      return std::make_unique<TextReader>(std::move(name));
    default:
      return nullptr;
  }
}

duckdb_type engine_type(ColumnType type) {
  switch (type) {
    case ColumnType::kBoolean:
      return DUCKDB_TYPE_BOOLEAN;
    case ColumnType::kInteger:
      return DUCKDB_TYPE_BIGINT;
    case ColumnType::kText:
      return DUCKDB_TYPE_VARCHAR;
    case ColumnType::kTimestamp:
      return DUCKDB_TYPE_TIMESTAMP_TZ;
    case ColumnType::kNumber:
      break;
  }
  return DUCKDB_TYPE_DOUBLE;
}

const char* engine_type_name(ColumnType type) {
  switch (type) {
    case ColumnType::kBoolean:
      return "BOOLEAN";
    case ColumnType::kInteger:
      return "BIGINT";
    case ColumnType::kText:
      return "VARCHAR";
    case ColumnType::kTimestamp:
      return "TIMESTAMPTZ";
    case ColumnType::kNumber:
      break;
  }
  return "DOUBLE";
}

void write_vector(const Column& column, std::size_t first, std::size_t count,
                  duckdb_vector vector) {
  if (const auto* texts = std::get_if<TextValues>(&column.values)) {
    for (std::size_t i = 0; i < count; ++i) {
      if (column.is_null(first + i)) continue;
      const std::string& text = texts->dictionary[texts->codes[first + i]];
      duckdb_vector_assign_string_element_len(vector, i, text.data(), text.size());
    }
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&column.values)) {
    copy_values(*numbers, first, count, vector);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&column.values)) {
    copy_values(*integers, first, count, vector);
  } else {
    auto* flags = static_cast<bool*>(duckdb_vector_get_data(vector));
    const auto& bytes = std::get<std::vector<std::uint8_t>>(column.values);
    for (std::size_t i = 0; i < count; ++i) flags[i] = bytes[first + i] != 0;
  }
  if (column.valid.empty()) return;
  duckdb_vector_ensure_validity_writable(vector);
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  for (std::size_t i = 0; i < count; ++i)
    if (column.is_null(first + i)) duckdb_validity_set_row_invalid(validity, i);
}

}  // namespace tenure::data
