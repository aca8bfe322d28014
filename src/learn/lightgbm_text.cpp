#include "learn/lightgbm_text.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace tenure::learn {
namespace {

template <typename... Args>
core::Error corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

void LightgbmSection::add(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    values_[line] = {};
  } else {
    values_[line.substr(0, equals)] = line.substr(equals + 1);
  }
}

std::string_view LightgbmSection::text(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string_view{} : found->second;
}

core::Result<std::int64_t> LightgbmSection::integer(std::string_view key, std::int64_t least,
                                                    std::int64_t most,
                                                    std::optional<std::int64_t> absent) const {
  if (!has(key) && absent) return *absent;
  const auto list = numbers<std::int64_t>(key, 1);
  if (!list) return list.error();
  if (list->front() < least || list->front() > most) {
    return corrupt("{} is {}, expected {}..{}", key, list->front(), least, most);
  }
  return list->front();
}

template <typename T>
core::Result<std::vector<T>> LightgbmSection::numbers(std::string_view key,
                                                      std::size_t count) const {
  if (!has(key)) return corrupt("\"{}\" is missing", key);
  std::string_view rest = text(key);
  std::vector<T> list;
  list.reserve(std::min(count, rest.size()));
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    T value{};
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec != std::errc{} || read.ptr != word.data() + word.size()) {
      return corrupt("{}: \"{}\" is not a number that fits", key, word.substr(0, 40));
    }
    list.push_back(value);
    if (list.size() > count) break;
  }
  if (list.size() != count) {
    return corrupt("{} has {}{} numbers, expected {}", key, list.size() > count ? "over " : "",
                   std::min(list.size(), count), count);
  }
  return list;
}

template core::Result<std::vector<std::int64_t>> LightgbmSection::numbers(std::string_view,
                                                                          std::size_t) const;
template core::Result<std::vector<std::uint32_t>> LightgbmSection::numbers(std::string_view,
                                                                           std::size_t) const;
template core::Result<std::vector<double>> LightgbmSection::numbers(std::string_view,
                                                                    std::size_t) const;

}  // namespace tenure::learn
