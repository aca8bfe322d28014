#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::data {

/// A batch of rows as a function of SQL gets it, column by column. Borrowed from the engine for the
/// length of a call.
class FunctionRows {
 public:
  /// One argument: `values` are doubles, or the engine's strings.
  struct Column {
    const void* values = nullptr;
    const std::uint64_t* validity = nullptr;  ///< a bit each row, 1 = a value; null = all have one
    bool is_text = false;
  };
  FunctionRows(std::size_t size, std::vector<Column> columns)
      : size_(size), columns_(std::move(columns)) {}

  std::size_t size() const { return size_; }
  std::size_t column_count() const { return columns_.size(); }
  bool is_text(std::size_t column) const { return columns_[column].is_text; }
  bool is_null(std::size_t column, std::size_t row) const {
    const std::uint64_t* validity = columns_[column].validity;
    return validity != nullptr && (validity[row / 64] >> (row % 64) & 1) == 0;
  }
  double number(std::size_t column, std::size_t row) const {
    return static_cast<const double*>(columns_[column].values)[row];
  }
  std::string_view text(std::size_t column, std::size_t row) const;
  /// What tells a text from others without reading it: equal keys are equal texts within a call,
  /// and between calls where the key holds the text itself. Equal texts may have several keys.
  struct TextKey {
    std::array<std::uint64_t, 2> words{};
    bool holds_text() const { return static_cast<std::uint32_t>(words[0]) <= kInline; }
    friend bool operator==(const TextKey&, const TextKey&) = default;
  };
  TextKey text_key(std::size_t column, std::size_t row) const {
    TextKey key;
    std::memcpy(key.words.data(),
                static_cast<const std::byte*>(columns_[column].values) + row * sizeof key.words,
                sizeof key.words);
    return key;
  }

 private:
  static constexpr std::uint32_t kInline = 12;  ///< bytes beside the length that begins a string

  std::size_t size_;
  std::vector<Column> columns_;
};

/// Gives a number for every row: NaN = NULL. Called by several threads at a time. An error ends the
/// statement that calls it.
using RowFunction = std::function<core::Result<>(const FunctionRows& rows, std::span<double> out)>;

}  // namespace tenure::data
