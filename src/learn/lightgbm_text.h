#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::learn {

// The text of a LightGBM model: lines `key=value` in sections, values lists of words.

/// The next line, without its end; removes it from `text`.
std::string_view take_line(std::string_view& text);

/// The next word, without the spaces around it; removes it from `text`.
std::string_view take_word(std::string_view& text);

/// Lines of the head or of one tree; a line without '=' is a key without value. Points into the
/// text, which must outlive it. Errors: kCorruption naming the key.
class LightgbmSection {
 public:
  void add(std::string_view line);

  bool has(std::string_view key) const { return values_.contains(key); }
  /// The value, empty if there is none.
  std::string_view text(std::string_view key) const;

  core::Result<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most,
                                     std::optional<std::int64_t> absent = std::nullopt) const;

  /// Exactly `count` numbers, of type int64_t, uint32_t or double. Decimal ones are rounded once.
  template <typename T>
  core::Result<std::vector<T>> numbers(std::string_view key, std::size_t count) const;

  /// The same, or zeros if the key is absent or empty.
  template <typename T>
  core::Result<std::vector<T>> numbers_or_zeros(std::string_view key, std::size_t count) const {
    if (text(key).empty()) return std::vector<T>(count, T{});
    return numbers<T>(key, count);
  }

 private:
  std::map<std::string_view, std::string_view> values_;
};

}  // namespace tenure::learn
